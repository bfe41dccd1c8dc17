//! Classic captures: the header is sound, whatever follows; or, from 250, no header, and it may be any file.

#![no_main]

mod read;

use libfuzzer_sys::fuzz_target;

const MAGICS: [[u8; 4]; 6] = [
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x34, 0xcd, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xcd, 0x34],
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    if *choice >= 250 {
        read::any(rest);
        return;
    }
    let magic = MAGICS[usize::from(*choice) % MAGICS.len()];
    let mut file = magic.to_vec();
    let is_little = magic[0] > 0x30 && magic[0] != 0xa1;
    file.extend(if is_little { [2, 0, 4, 0] } else { [0, 2, 0, 4] });
    file.extend([0; 8]);
    file.extend(if is_little { [0, 1, 0, 0, 1, 0, 0, 0] } else { [0, 0, 1, 0, 0, 0, 0, 1] });
    file.extend(rest);
    read::capture(&file);
});
