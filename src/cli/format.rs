//! What may be said of flow logs.

use std::path::{Path, PathBuf};

use clap::Args;
use flowfence_capture::{EXPORT_PORTS, FORMATS, Form};

use crate::exit::Failure;
use crate::source::read_text;

/// How a mapping of the user's is named.
const MAPPING: &str = "map:";

/// How fields of AWS VPC flow logs are named that have no header.
const VPC_FIELDS: &str = "aws-vpc:";

/// As what flow logs are read.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Flow logs")]
pub struct FormatArgs {
    /// Read inputs that are no captures as this format, or by a mapping of your own (map:FILE), whatever they
    /// look like; "aws-vpc:FIELDS" for VPC flow logs without a header; see --list-formats
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub format: Option<LogsAs>,
    /// Also read what flow exporters tell (NetFlow, IPFIX, sFlow) in UDP packets of captures to these ports
    /// [without ports: 2055,4739,6343,9555,9995,9996]
    #[arg(long, value_name = "PORT", num_args = 0.., require_equals = true, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub netflow: Option<Vec<u16>>,
    /// Show the formats, and what each can and cannot tell
    #[arg(long, exclusive = true)]
    pub list_formats: bool,
}

/// What `--format` says.
#[derive(Clone, Debug)]
pub enum LogsAs {
    /// A format of the table.
    Known(Form),
    /// A mapping in this file.
    Mapped(PathBuf),
}

fn format(text: &str) -> Result<LogsAs, String> {
    if let Some(path) = text.strip_prefix(MAPPING).filter(|path| !path.is_empty()) {
        return Ok(LogsAs::Mapped(PathBuf::from(path)));
    }
    if let Some(fields) = text.strip_prefix(VPC_FIELDS) {
        return Form::vpc(fields).map(LogsAs::Known);
    }
    Form::known(text).map(LogsAs::Known).ok_or_else(|| {
        let tokens: Vec<&str> = FORMATS.iter().map(|format| format.token).collect();
        format!("expected one of {}, or map:FILE", tokens.join(", "))
    })
}

impl FormatArgs {
    /// Ports to which packets of captures carry what exporters tell.
    pub fn export_ports(&self) -> &[u16] {
        match self.netflow.as_deref() {
            None => &[],
            Some([]) => &EXPORT_PORTS,
            Some(ports) => ports,
        }
    }

    /// The file of the mapping, when one is named.
    pub fn mapping_file(&self) -> Option<&Path> {
        match &self.format {
            Some(LogsAs::Mapped(path)) => Some(path),
            Some(LogsAs::Known(_)) | None => None,
        }
    }

    /// What logs are read as, when it is said. Reads the mapping.
    pub fn form(&self) -> Result<Option<Form>, Failure> {
        match &self.format {
            None => Ok(None),
            Some(LogsAs::Known(form)) => Ok(Some(form.clone())),
            Some(LogsAs::Mapped(path)) => mapping(path).map(Some),
        }
    }
}

fn mapping(path: &Path) -> Result<Form, Failure> {
    let text = read_text(path)?;
    Form::mapping(&text).map_err(|why| Failure::usage(format!("{}: no mapping: {why}", path.display())))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        sources: Vec<String>,
        #[command(flatten)]
        logs: FormatArgs,
    }

    fn line(words: &[&str]) -> Option<Line> {
        Line::try_parse_from([&["flowfence"], words].concat()).ok()
    }

    #[test]
    fn ports_of_exports_are_those_said_else_those_of_habit_else_none() {
        let ports = |words: &[&str]| line(words).map(|line| line.logs.export_ports().to_vec());
        assert_eq!(ports(&["a.pcap"]), Some(Vec::new()));
        assert_eq!(ports(&["a.pcap", "--netflow"]), Some(EXPORT_PORTS.to_vec()));
        assert_eq!(ports(&["--netflow=2056,4740", "a.pcap"]), Some(vec![2056, 4740]));
        for wrong in ["--netflow=0", "--netflow=70000", "--netflow=ipfix", "--netflow=2055,"] {
            assert_eq!(ports(&["a.pcap", wrong]), None, "{wrong}");
        }
        // A file behind it is no port.
        assert_eq!(line(&["--netflow", "a.pcap"]).map(|line| line.sources), Some(vec!["a.pcap".to_owned()]));
    }
}
