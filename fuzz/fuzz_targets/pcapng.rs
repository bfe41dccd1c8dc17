//! Next-generation captures: a section header and an interface, then whatever comes.

#![no_main]

mod read;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let long = |n: u32| if choice & 1 == 0 { n.to_le_bytes() } else { n.to_be_bytes() };
    let mut file = Vec::new();
    for n in [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 0x0001_0000, u32::MAX, u32::MAX, 28] {
        file.extend(long(n));
    }
    if choice & 2 == 0 {
        // Link type Ethernet, reserved: two short words.
        let link = if choice & 1 == 0 { [1, 0, 0, 0] } else { [0, 1, 0, 0] };
        file.extend(long(1));
        file.extend(long(20));
        file.extend(link);
        file.extend(long(0));
        file.extend(long(20));
    }
    file.extend(rest);
    read::capture(&file);
});
