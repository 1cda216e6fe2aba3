//! Decimals of any precision as bytes in the order of the numbers.
//!
//! A class byte (-Infinity, negative, zero, positive, Infinity, NaN); for numbers other than zero then the exponent
//! of `0.DIGITS × 10^exponent` and the digits in pairs, each pair plus one, ended by 0. Of negative numbers these
//! bytes are inverted. No digits begin or end with a zero, so that equal numbers have equal bytes.

use super::KeyError;
use super::part::{damaged, take_array, take_byte};
use crate::value::decimal::{Digits, special_rank};

const NEGATIVE_INFINITY: u8 = 1;
const NEGATIVE: u8 = 2;
const ZERO: u8 = 3;
const POSITIVE: u8 = 4;
const INFINITY: u8 = 5;
const NAN: u8 = 6;

const SIGN: u32 = 1 << 31;

pub(super) fn put(out: &mut Vec<u8>, text: &str) -> Result<(), KeyError> {
    let Some(digits) = Digits::plain(text) else {
        out.push(match special_rank(text) {
            Some(-1) => NEGATIVE_INFINITY,
            Some(1) => INFINITY,
            Some(_) => NAN,
            None => return Err(KeyError::Unreadable("it has a decimal that is not a number".to_owned())),
        });
        return Ok(());
    };
    if digits.is_zero() {
        out.push(ZERO);
        return Ok(());
    }
    out.push(if digits.negative { NEGATIVE } else { POSITIVE });
    let start = out.len();
    let exponent = i32::try_from(digits.exponent)
        .map_err(|_| KeyError::Unreadable("it has a decimal of more than two thousand million digits".to_owned()))?;
    out.extend_from_slice(&(exponent as u32 ^ SIGN).to_be_bytes());
    let mut bytes = digits.bytes();
    while let Some(tens) = bytes.next() {
        let ones = bytes.next().unwrap_or(b'0');
        out.push((tens - b'0') * 10 + (ones - b'0') + 1);
    }
    out.push(0);
    if digits.negative {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
    Ok(())
}

/// The canonical text.
pub(super) fn take(rest: &mut &[u8]) -> Result<String, KeyError> {
    let negative = match take_byte(rest)? {
        NEGATIVE_INFINITY => return Ok("-Infinity".to_owned()),
        NEGATIVE => true,
        ZERO => return Ok("0".to_owned()),
        POSITIVE => false,
        INFINITY => return Ok("Infinity".to_owned()),
        NAN => return Ok("NaN".to_owned()),
        _ => return Err(damaged("unknown class of decimal")),
    };
    let mask = if negative { 0xff } else { 0 };
    let exponent = (u32::from_be_bytes(take_array(rest)?.map(|byte| byte ^ mask)) ^ SIGN) as i32;
    let mut text = String::with_capacity(24);
    text.push_str(if negative { "-0." } else { "0." });
    loop {
        match take_byte(rest)? ^ mask {
            0 => break,
            pair @ 1..=100 => text.extend([(pair - 1) / 10, (pair - 1) % 10].map(|digit| char::from(b'0' + digit))),
            _ => return Err(damaged("a digit is out of range")),
        }
    }
    let mut digits = Digits::plain(&text).ok_or_else(|| damaged("a decimal has no digits"))?;
    digits.exponent += i64::from(exponent);
    digits.to_plain(MAX_LENGTH).ok_or_else(|| damaged("a decimal is too long"))
}

/// Longest decimal that is written out, far above what a record may hold.
const MAX_LENGTH: usize = 20_000_000;
