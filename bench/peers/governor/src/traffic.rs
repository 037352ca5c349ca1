// SPDX-License-Identifier: MIT

//! The order in which keys are asked for, and the keys: what ../../traffic.h makes and explains.

const POWERS_BITS: u32 = 8;
const POWERS: usize = 1 << POWERS_BITS;
const ONE: f64 = 4294967296.0;

pub struct Traffic {
    count: u64,
    keys: u64,
    zipf: bool,
    keys_log2: u64,
    powers: [u64; POWERS + 1],
}

impl Traffic {
    pub fn new(keys: u64, zipf: bool, thread: u64) -> Self {
        let mut powers = [0; POWERS + 1];
        for (i, power) in powers.iter_mut().enumerate() {
            *power = ((i as f64 / POWERS as f64).exp2() * ONE) as u64;
        }
        Traffic {
            count: (thread + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9),
            keys,
            zipf,
            keys_log2: (((keys + 1) as f64).log2() * 67108864.0) as u64,
            powers,
        }
    }

    #[inline]
    fn zipf(&self, bits: u64) -> u64 {
        let fine_bits = 32 - POWERS_BITS;
        let exponent = (bits * self.keys_log2) >> 26;
        let fraction = exponent & 0xffff_ffff;
        let place = (fraction >> fine_bits) as usize;
        let (low, high) = (self.powers[place], self.powers[place + 1]);
        let fine = fraction & ((1 << fine_bits) - 1);
        let mantissa = low + (((high - low) * fine) >> fine_bits);
        let rank = (mantissa << (exponent >> 32)) >> 32;
        rank.min(self.keys) - 1
    }

    /// Whether there is more than key 0, as which keys begin.
    pub fn chooses(&self) -> bool {
        self.keys > 1
    }

    #[inline]
    pub fn next(&mut self) -> u64 {
        self.count = self.count.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.count ^ self.count >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let bits = mixed >> 32;
        if self.zipf {
            self.zipf(bits)
        } else {
            (bits * self.keys) >> 32
        }
    }
}

/// Tells one order from another.
pub fn fingerprint(keys: u64, zipf: bool) -> u64 {
    let mut traffic = Traffic::new(keys, zipf, 0);
    (0..10000).fold(0u64, |sum, _| {
        sum.wrapping_mul(31).wrapping_add(traffic.next())
    })
}

/// What a user of governor would have for such a key.
pub trait Key: std::hash::Hash + Eq + Clone + Send + Sync {
    fn new() -> Self;
    fn set(&mut self, number: u64);
}

impl Key for [u8; 16] {
    fn new() -> Self {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        key
    }

    #[inline]
    fn set(&mut self, number: u64) {
        self[8..].copy_from_slice(&number.to_le_bytes());
    }
}

fn letters(number: u64) -> u64 {
    let number = (number | number << 16) & 0x0000_ffff_0000_ffff;
    let number = (number | number << 8) & 0x00ff_00ff_00ff_00ff;
    let number = (number | number << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    number + 0x6161_6161_6161_6161
}

impl Key for String {
    fn new() -> Self {
        "account:aaaaaaaa:session:eu-central-01".to_string()
    }

    #[inline]
    fn set(&mut self, number: u64) {
        // SAFETY: letters from a to p replace letters.
        let bytes = unsafe { self.as_bytes_mut() };
        bytes[8..16].copy_from_slice(&letters(number).to_le_bytes());
    }
}
