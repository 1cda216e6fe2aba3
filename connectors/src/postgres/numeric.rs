//! `numeric` between its binary format (digits of base 10,000) and plain decimal text.

/// The server sent, or we were given, something that is not a number.
#[derive(Debug, PartialEq, Eq)]
pub struct NotNumeric(pub &'static str);

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;
/// Digits after the point that the format has room for.
const MAX_SCALE: usize = 0x3FFF;

/// Reads the binary format; as many digits after the point as the value is kept with.
pub fn to_text(bytes: &[u8]) -> Result<Box<str>, NotNumeric> {
    let short = NotNumeric("a numeric ends early");
    let (header, digits) = bytes.split_first_chunk::<8>().ok_or(short)?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (count, weight, sign, scale) = (usize::from(word(0)), word(2) as i16, word(4), usize::from(word(6)));
    match sign {
        NAN => return Ok("NaN".into()),
        INFINITY => return Ok("Infinity".into()),
        MINUS_INFINITY => return Ok("-Infinity".into()),
        POSITIVE | NEGATIVE => {}
        _ => return Err(NotNumeric("a numeric has an unknown sign")),
    }
    if digits.len() != count * 2 || scale > MAX_SCALE {
        return Err(NotNumeric("a numeric has a wrong length"));
    }
    let digit = |index: i32| -> u16 {
        match usize::try_from(index).ok().and_then(|index| digits.get(index * 2..index * 2 + 2)) {
            Some(pair) => u16::from_be_bytes([pair[0], pair[1]]),
            None => 0,
        }
    };
    if (0..count as i32).any(|index| digit(index) > 9999) {
        return Err(NotNumeric("a numeric has a digit above 9999"));
    }
    let weight = i32::from(weight);
    let mut out = Vec::with_capacity((weight.max(0) as usize + 1) * 4 + scale + 2);
    if sign == NEGATIVE {
        out.push(b'-');
    }
    put_whole(&mut out, weight, &digit);
    if scale > 0 {
        out.push(b'.');
        let end = out.len() + scale;
        let mut index = weight + 1;
        while out.len() < end {
            out.extend_from_slice(&four(digit(index)));
            index += 1;
        }
        out.truncate(end);
    }
    String::from_utf8(out).map(Into::into).map_err(|_| NotNumeric("a numeric is not text"))
}

fn put_whole(out: &mut Vec<u8>, weight: i32, digit: &impl Fn(i32) -> u16) {
    let start = out.len();
    for index in 0..=weight {
        out.extend_from_slice(&four(digit(index)));
    }
    let zeros = out[start..].iter().take_while(|&&byte| byte == b'0').count();
    out.drain(start..start + zeros);
    if out.len() == start {
        out.push(b'0');
    }
}

fn four(digit: u16) -> [u8; 4] {
    [digit / 1000, digit / 100 % 10, digit / 10 % 10, digit % 10].map(|one| b'0' + one as u8)
}

/// Appends the binary format of plain decimal text, keeping its zeros after the point.
pub fn to_binary(text: &str, out: &mut Vec<u8>) -> Result<(), NotNumeric> {
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" => Some(INFINITY),
        "-Infinity" => Some(MINUS_INFINITY),
        _ => None,
    };
    if let Some(sign) = special {
        put_header(out, 0, 0, sign, 0);
        return Ok(());
    }
    let (sign, plain) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (POSITIVE, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return Err(NotNumeric("it is not a plain decimal number"));
    }
    let whole = whole.trim_start_matches('0');
    // The server holds 131,072 digits before the point and 16,383 after it.
    if whole.len() > 131_072 || fraction.len() > MAX_SCALE {
        return Err(NotNumeric("it has more digits than numeric can hold"));
    }
    let start = out.len();
    put_header(out, 0, 0, sign, fraction.len() as u16);
    let mut weight = whole.len().div_ceil(4) as i32 - 1;
    let (first, rest) = whole.as_bytes().split_at(whole.len() % 4);
    let mut digits = Vec::with_capacity(whole.len() / 4 + fraction.len() / 4 + 2);
    if !first.is_empty() {
        digits.push(base_10_000(first));
    }
    digits.extend(rest.chunks(4).map(base_10_000));
    digits.extend(fraction.as_bytes().chunks(4).map(|chunk| base_10_000(chunk) * 10u16.pow(4 - chunk.len() as u32)));
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
    weight -= zeros as i32;
    let digits = &digits[zeros..];
    let (weight, sign) = if digits.is_empty() { (0, POSITIVE) } else { (weight, sign) };
    for digit in digits {
        out.extend_from_slice(&digit.to_be_bytes());
    }
    out[start..start + 2].copy_from_slice(&(digits.len() as u16).to_be_bytes());
    out[start + 2..start + 4].copy_from_slice(&(weight as i16).to_be_bytes());
    out[start + 4..start + 6].copy_from_slice(&sign.to_be_bytes());
    Ok(())
}

fn base_10_000(chunk: &[u8]) -> u16 {
    chunk.iter().fold(0, |sum, byte| sum * 10 + u16::from(byte - b'0'))
}

fn put_header(out: &mut Vec<u8>, count: u16, weight: i16, sign: u16, scale: u16) {
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&scale.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> String {
        let mut bytes = Vec::new();
        to_binary(text, &mut bytes).unwrap();
        to_text(&bytes).unwrap().into_string()
    }

    #[test]
    fn decimals_keep_their_digits_and_zeros() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "1.50",
            "10000",
            "100000000",
            "9999",
            "10000.0001",
            "0.0001",
            "0.00010",
            "-0.000000000000000000001",
            "123456789012345678901234567890.123456789",
            "NaN",
            "Infinity",
            "-Infinity",
            "99999999",
            "1000000000000.000",
            "0.1000",
            "12.3400",
        ] {
            assert_eq!(round_trip(text), text);
        }
        let long = format!("{}.{}", "9".repeat(131_072), "1".repeat(16_383));
        assert_eq!(round_trip(&long), long);
    }

    #[test]
    fn other_spellings_are_read() {
        for (given, text) in [("007", "7"), (".5", "0.5"), ("5.", "5"), ("+2", "2"), ("-0", "0"), ("-0.00", "0.00")] {
            assert_eq!(round_trip(given), text);
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        let mut out = Vec::new();
        for text in ["", "-", ".", "1e5", "1.2.3", "abc", "1 ", "--1", "0x10", &"9".repeat(131_073)] {
            assert!(to_binary(text, &mut out).is_err(), "{text}");
        }
        for bytes in [
            &[][..],
            &[0; 7],
            &[0, 1, 0, 0, 0, 0, 0, 0],
            &[0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            &[0, 0, 0, 0, 0x12, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0xff, 0xff],
        ] {
            assert!(to_text(bytes).is_err(), "{bytes:?}");
        }
        // A large weight without digits is long, not a crash.
        assert!(to_text(&[0, 0, 0x7f, 0xff, 0, 0, 0, 0]).is_ok());
        assert_eq!(&*to_text(&[0, 1, 0x80, 0, 0, 0, 0, 2, 0, 1]).unwrap(), "0.00");
    }
}
