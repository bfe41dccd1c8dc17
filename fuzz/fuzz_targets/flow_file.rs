//! Flow files: a sound header, then blocks of whatever comes, each in a frame whose checksum fits; and
//! the octets as they are between two such frames.

#![no_main]

mod read;

use flowfence_capture::flowfile::{Header, header_frame};
use libfuzzer_sys::fuzz_target;

fn frame(octets: &[u8]) -> Vec<u8> {
    // The length before the message, as protocol buffers write it.
    let mut message = Vec::new();
    let mut length = octets.len();
    while length > 0x7f {
        message.push(0x80 | u8::try_from(length & 0x7f).unwrap_or(0));
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap_or(0));
    message.extend(octets);
    zstd::bulk::compress(&message, 1).unwrap_or_default()
}

fuzz_target!(|data: &[u8]| {
    let mut file = header_frame(&Header::default()).unwrap_or_default();
    for part in data.split(|octet| *octet == 0xff) {
        file.extend(frame(part));
    }
    file.extend(data);
    file.extend(frame(data));
    assert!(read::both(&file).is_some(), "a sound header makes a flow file");
});
