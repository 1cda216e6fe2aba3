//! Decimal numbers in text, taken apart without arithmetic: canonical spelling and order.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A decimal number by its digits: `0.DIGITS × 10^exponent`. DIGITS neither begin nor end with a zero; zero has none.
#[derive(Debug, Clone, Copy)]
pub struct Digits<'a> {
    pub negative: bool,
    pub exponent: i64,
    /// The digits; the point may stand between them.
    text: &'a str,
}

impl<'a> Digits<'a> {
    /// Plain notation: an optional sign, digits with at most one point, no exponent. Anything else is `None`.
    pub fn plain(text: &'a str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mut point, mut first, mut end) = (unsigned.len(), None, 0);
        for (index, byte) in unsigned.bytes().enumerate() {
            match byte {
                b'0' => {}
                b'1'..=b'9' => {
                    first = first.or(Some(index));
                    end = index + 1;
                }
                b'.' if point == unsigned.len() => point = index,
                _ => return None,
            }
        }
        let has_digits = unsigned.len() > 1 || point == unsigned.len();
        let Some(first) = first else {
            let zero = Self { negative: false, exponent: 0, text: "" };
            return (has_digits && !unsigned.is_empty()).then_some(zero);
        };
        let exponent = point as i64 - first as i64 + i64::from(first > point);
        Some(Self { negative, exponent, text: &unsigned[first..end] })
    }

    /// As [`Digits::plain`], with an optional exponent (`1.5e-3`).
    pub fn parse(text: &'a str) -> Option<Self> {
        let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return Self::plain(text) };
        let mut digits = Self::plain(mantissa)?;
        let exponent: i64 = exponent.parse().ok()?;
        if !digits.is_zero() {
            digits.exponent = digits.exponent.checked_add(exponent)?;
        }
        Some(digits)
    }

    pub fn is_zero(&self) -> bool {
        self.text.is_empty()
    }

    /// The digits, `b'0'` to `b'9'`.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.text.bytes().filter(|byte| *byte != b'.')
    }

    /// How many digits there are: the precision needed to hold the number.
    pub fn count(&self) -> i64 {
        (self.text.len() - usize::from(self.text.contains('.'))) as i64
    }

    /// Digits after the point; 0 for whole numbers.
    pub fn fraction(&self) -> i64 {
        self.count().saturating_sub(self.exponent).max(0)
    }

    /// Plain notation, canonical. `None` where it would have more than `limit` characters (a small text may
    /// stand for a very long one: `1e999999999`).
    pub fn to_plain(&self, limit: usize) -> Option<String> {
        if self.is_zero() {
            return Some("0".to_owned());
        }
        if self.exponent.unsigned_abs().saturating_add(self.count().unsigned_abs()) > limit as u64 {
            return None;
        }
        let whole = usize::try_from(self.exponent).unwrap_or(0);
        let zeros = usize::try_from(self.exponent.saturating_neg()).unwrap_or(0);
        let mut out = String::with_capacity(self.text.len() + whole + zeros + 3);
        if self.negative {
            out.push('-');
        }
        if whole == 0 {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', zeros));
        }
        let mut written = 0;
        for digit in self.bytes() {
            if whole > 0 && written == whole {
                out.push('.');
            }
            out.push(char::from(digit));
            written += 1;
        }
        out.extend(std::iter::repeat_n('0', whole.saturating_sub(written)));
        Some(out)
    }

    /// Numerical order.
    pub fn compare(&self, other: &Self) -> Ordering {
        let sign = |digits: &Self| match (digits.is_zero(), digits.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_size = || self.exponent.cmp(&other.exponent).then_with(|| self.bytes().cmp(other.bytes()));
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => by_size(),
            _ => by_size().reverse(),
        })
    }
}

/// `+1.50` → `1.5`, `-0.0` → `0`, `007` → `7`. Text that is not a plain decimal stays as it is.
pub fn canonical_decimal(text: &str) -> Cow<'_, str> {
    let Some(digits) = Digits::plain(text) else { return Cow::Borrowed(text) };
    if digits.is_zero() {
        return Cow::Borrowed("0");
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text).as_bytes();
    if matches!(unsigned, [b'1'..=b'9', ..] | [b'0', b'.', ..]) {
        return Cow::Borrowed(match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.'),
            false => text,
        });
    }
    match digits.to_plain(usize::MAX) {
        Some(plain) => Cow::Owned(plain),
        None => Cow::Borrowed(text),
    }
}

/// Order of two decimals: `-Infinity`, numbers, `Infinity`, `NaN`. `None` where one is no decimal.
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    match (Digits::plain(one), Digits::plain(other)) {
        (Some(one), Some(other)) => Some(one.compare(&other)),
        (one_digits, other_digits) => {
            let rank = |text, digits: Option<Digits<'_>>| if digits.is_some() { Some(0) } else { special_rank(text) };
            Some(rank(one, one_digits)?.cmp(&rank(other, other_digits)?))
        }
    }
}

/// Where the special values stand among the numbers, which are 0.
pub fn special_rank(text: &str) -> Option<i8> {
    match text {
        "-Infinity" => Some(-1),
        "Infinity" => Some(1),
        "NaN" => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use bigdecimal::BigDecimal;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_equal_whatever_their_zeros() {
        for (given, canonical) in [
            ("1.50", "1.5"),
            ("1.00", "1"),
            ("-0.00", "0"),
            ("007", "7"),
            (".5", "0.5"),
            ("-0.50", "-0.5"),
            ("-.50", "-0.5"),
            ("100", "100"),
            ("-100.", "-100"),
            ("0", "0"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
            ("+2", "2"),
            ("10.0", "10"),
            ("000.0010", "0.001"),
            ("1.2.300", "1.2.300"),
            (".", "."),
            ("-", "-"),
            ("", ""),
            ("1e5", "1e5"),
        ] {
            assert_eq!(canonical_decimal(given), canonical, "{given}");
        }
    }

    #[test]
    fn exponents_are_read_and_bounded() {
        let plain = |text| Digits::parse(text).and_then(|digits: Digits<'_>| digits.to_plain(400));
        assert_eq!(plain("1.5e3").as_deref(), Some("1500"));
        assert_eq!(plain("-15E-3").as_deref(), Some("-0.015"));
        assert_eq!(plain("0e999999999999").as_deref(), Some("0"));
        assert_eq!(plain("1e999999999"), None);
        assert_eq!(plain("1e9223372036854775807"), None);
        assert_eq!(plain("1e-9223372036854775808"), None);
        assert_eq!(plain("1e"), None);
    }

    #[test]
    fn special_values_stand_around_the_numbers() {
        let order = ["-Infinity", "-1", "0", "1", "Infinity", "NaN"];
        for (left, one) in order.iter().enumerate() {
            for (right, other) in order.iter().enumerate() {
                assert_eq!(compare(one, other), Some(left.cmp(&right)), "{one} {other}");
            }
        }
        assert_eq!(compare("1", "one"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn order_and_spelling_agree_with_arithmetic(a in "[+-]?0{0,2}[0-9]{1,12}(\\.[0-9]{0,8})?", b in "-?[0-9]{0,3}\\.[0-9]{1,4}") {
            let (x, y) = (BigDecimal::from_str(&a).unwrap(), BigDecimal::from_str(&b).unwrap());
            prop_assert_eq!(compare(&a, &b), Some(x.cmp(&y)));
            prop_assert_eq!(canonical_decimal(&a).into_owned(), x.normalized().to_plain_string());
            prop_assert_eq!(canonical_decimal(&a) == canonical_decimal(&b), x == y);
        }

        #[test]
        fn any_text_is_taken(text in "\\PC{0,12}|[-+.0-9eE]{0,12}") {
            let canonical = canonical_decimal(&text);
            prop_assert_eq!(canonical_decimal(&canonical), canonical.as_ref());
            let _ = Digits::parse(&text).map(|digits| digits.to_plain(1000));
        }
    }
}
