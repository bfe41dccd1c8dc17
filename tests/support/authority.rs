//! Certificates for tests.

use super::flow_server::Tls;

/// A certificate authority, with a server's and a client's certificate that it signed.
pub struct Authority {
    dir: tempfile::TempDir,
    server: (String, String),
    ca: String,
}

impl Authority {
    /// One whose server is called so.
    pub fn new(server: &str) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let signed = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let cert =
                CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
            (cert.pem(), key.serialize_pem())
        };
        let (server, client) = (signed(server), signed("flowfence"));
        let dir = tempfile::tempdir().unwrap();
        let files = [
            ("ca", &ca),
            ("cert", &client.0),
            ("key", &client.1),
            ("server", &server.0),
            ("server-key", &server.1),
        ];
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Authority { dir, server, ca }
    }

    /// The path of `ca`, `cert`, `key`, `server` or `server-key`.
    pub fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// What a server shows, and whether it wants a certificate of this authority.
    pub fn tls(&self, is_mutual: bool) -> Tls {
        Tls {
            cert: self.server.0.clone(),
            key: self.server.1.clone(),
            client_ca: is_mutual.then(|| self.ca.clone()),
        }
    }
}
