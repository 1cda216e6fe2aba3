//! Canonical JSON text: one spelling for all texts that mean the same document.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::decimal::Digits;

/// Deepest nesting that is looked into; deeper text stays as it is. Keeps the stack bounded.
const MAX_DEPTH: usize = 500;

/// Numbers with their point farther than this from the digits are written with an exponent.
const MAX_PLAIN_EXPONENT: u64 = 400;

/// JSON without white space, keys sorted (of equal keys the last one counts), numbers as canonical decimals
/// (never through a float), strings with the fewest escapes. Text that is not JSON stays as it is.
pub fn canonical_json(text: &str) -> String {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut writer = Writer { rest: text, out: String::with_capacity(text.len()) };
    match writer.value(0) {
        Some(()) => writer.out,
        None => text.to_owned(),
    }
}

/// Rewrites text that is known to be JSON. `None` where it holds what has no canonical form
/// (half a surrogate pair, too deep a nesting).
struct Writer<'a> {
    rest: &'a str,
    out: String,
}

impl<'a> Writer<'a> {
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' if depth < MAX_DEPTH => self.object(depth + 1),
            b'[' if depth < MAX_DEPTH => self.array(depth + 1),
            b'{' | b'[' => None,
            b'"' => {
                let string = self.string()?;
                self.out.push_str(&string);
                Some(())
            }
            _ => self.scalar(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.skip(1);
        self.out.push('[');
        while self.peek()? != b']' {
            if self.peek()? == b',' {
                self.skip(1);
                self.out.push(',');
            }
            self.value(depth)?;
        }
        self.skip(1);
        self.out.push(']');
        Some(())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.skip(1);
        let start = self.out.len();
        let mut members: Vec<(Cow<'a, str>, String)> = Vec::new();
        while self.peek()? != b'}' {
            if self.peek()? == b',' {
                self.skip(1);
            }
            self.peek()?;
            let name = self.string()?;
            self.peek()?;
            self.skip(1);
            self.value(depth)?;
            members.push((name, self.out.split_off(start)));
        }
        self.skip(1);
        members.sort_by(|one, other| one.0.cmp(&other.0));
        let mut before = '{';
        for (index, (name, value)) in members.iter().enumerate() {
            if members.get(index + 1).is_some_and(|next| next.0 == *name) {
                continue;
            }
            self.out.push(before);
            before = ',';
            self.out.push_str(name);
            self.out.push(':');
            self.out.push_str(value);
        }
        self.out.push_str(if before == '{' { "{}" } else { "}" });
        Some(())
    }

    /// A string with its quotes, canonically escaped.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let bytes = self.rest.as_bytes();
        let mut end = 1;
        let mut escaped = false;
        while *bytes.get(end)? != b'"' {
            let escape = bytes[end] == b'\\';
            escaped |= escape;
            end += 1 + usize::from(escape);
        }
        let (string, rest) = self.rest.split_at_checked(end + 1)?;
        self.rest = rest;
        if !escaped {
            return Some(Cow::Borrowed(string));
        }
        let content: String = serde_json::from_str(string).ok()?;
        serde_json::to_string(&content).ok().map(Cow::Owned)
    }

    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Option<()> {
        let end = self.rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        match Digits::parse(token) {
            Some(digits) if digits.exponent.unsigned_abs() <= MAX_PLAIN_EXPONENT => {
                self.out.push_str(&digits.to_plain(usize::MAX)?);
            }
            Some(digits) => {
                self.out.push_str(if digits.negative { "-0." } else { "0." });
                self.out.extend(digits.bytes().map(char::from));
                self.out.push_str(&format!("e{}", digits.exponent));
            }
            None => self.out.push_str(token),
        }
        Some(())
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
        self.rest.as_bytes().first().copied()
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Value;
    use super::*;

    #[test]
    fn json_is_equal_whatever_its_order_and_keeps_large_numbers() {
        for (given, canonical) in [
            (r#"{"b": 1.0, "a": [12345678901234567890123, "x"]}"#, r#"{"a":[12345678901234567890123,"x"],"b":1}"#),
            ("not json", "not json"),
            (" [ ] ", "[]"),
            ("{ }", "{}"),
            (r#"{"a":{},"b":[[],{"c":null}]}"#, r#"{"a":{},"b":[[],{"c":null}]}"#),
            (r#"{"a":1,"b":0,"a":2}"#, r#"{"a":2,"b":0}"#),
            (r#"{"":{"":1},"":{}}"#, r#"{"":{}}"#),
            (r#""\u00e4\/\n\"""#, r#""ä/\n\"""#),
            (r#""\ud800""#, r#""\ud800""#),
            ("[1e2, 1E+2, 100.0, -0, 1.5e-3]", "[100,100,100,0,0.0015]"),
            ("[1e999999999,10e999999998]", "[0.1e1000000000,0.1e1000000000]"),
            ("true", "true"),
            ("\"a\" \"b\"", "\"a\" \"b\""),
        ] {
            assert_eq!(canonical_json(given), canonical, "{given}");
        }
        assert!(Value::Json(r#"{"a":1,"b":2}"#.into()).same(&Value::Json(r#"{"b":2, "a":1}"#.into())));
        assert!(!Value::Json("1".into()).same(&Value::Json("2".into())));
    }

    #[test]
    fn deep_nesting_is_left_as_it_is() {
        let deep = format!("{}{}", "[ ".repeat(200_000), "]".repeat(200_000));
        assert_eq!(canonical_json(&deep), deep);
        let unclosed = "[".repeat(200_000);
        assert_eq!(canonical_json(&unclosed), unclosed);
        let fair = format!("{}{}", "[ ".repeat(100), "]".repeat(100));
        assert_eq!(canonical_json(&fair), fair.replace(' ', ""));
    }

    fn document() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[ -~äß\"\\\\\n]{0,6}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec(("[a-c\"]{0,2}", inner), 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn spelling_does_not_matter_and_content_stays(document in document()) {
            let canonical = canonical_json(&document.to_string());
            prop_assert_eq!(&canonical_json(&serde_json::to_string_pretty(&document).unwrap()), &canonical);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&canonical).unwrap(), document);
            prop_assert_eq!(canonical_json(&canonical), canonical.as_str());
        }

        #[test]
        fn any_text_is_taken(text in "[\\[\\]{}:,\"\\\\0-9eE+. truefalsn]{0,24}") {
            let canonical = canonical_json(&text);
            prop_assert_eq!(canonical_json(&canonical), canonical.as_str());
        }
    }
}
