//! Values between a field's bytes and ours. A file holds text and, by what stands for it, NULL.

use std::borrow::Cow;

use encoding_rs::UTF_8;
use pinksync_engine::Value;

use super::config::Dialect;

/// When a field is written between quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotes {
    /// Where it could not be told apart otherwise.
    IfNeeded,
    /// Every text.
    OfText,
}

impl Dialect {
    /// A field's value; `None` if its bytes are not of the file's encoding.
    pub fn value(&self, field: &[u8]) -> Option<Value> {
        let text = self.decode(field)?;
        Some(match &self.null {
            Some(token) if *token == text => Value::Null,
            None if text.is_empty() => Value::Null,
            Some(_) | None => Value::Text(text.into()),
        })
    }

    pub fn decode<'a>(&self, field: &'a [u8]) -> Option<Cow<'a, str>> {
        if self.encoding == UTF_8 {
            return std::str::from_utf8(field).ok().map(Cow::Borrowed);
        }
        self.encoding.decode_without_bom_handling_and_without_replacement(field)
    }

    /// Appends a value as a field.
    ///
    /// # Errors
    /// Says why the file would not give the same value back.
    pub fn put(&self, value: &Value, quotes: Quotes, out: &mut Vec<u8>) -> Result<(), String> {
        let text: &str = match value {
            Value::Missing | Value::Null => self.null.as_deref().unwrap_or_default(),
            Value::Text(text) if self.null.as_deref() == Some(text) => {
                return Err(format!("the text `{text}` is what stands for NULL in this file (`csv.null`)"));
            }
            Value::Text(text) => text,
            _ => return Err("a CSV file holds text: the value must come as text".to_owned()),
        };
        let bytes = self.encode(text)?;
        match quotes {
            Quotes::OfText if !value.is_null() => between_quotes(&bytes, self, out),
            Quotes::OfText | Quotes::IfNeeded => quote(&bytes, self, out),
        }
        Ok(())
    }

    pub fn encode<'a>(&self, text: &'a str) -> Result<Cow<'a, [u8]>, String> {
        if self.encoding == UTF_8 {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        match self.encoding.encode(text) {
            (bytes, _, false) => Ok(bytes),
            (_, _, true) => Err(format!("it has a character that {} does not have", self.encoding.name())),
        }
    }
}

/// Appends a field, between quotes if it could not be told apart otherwise.
pub fn quote(field: &[u8], dialect: &Dialect, out: &mut Vec<u8>) {
    let special = |&byte: &u8| byte == dialect.delimiter || byte == dialect.quote || byte == b'\r' || byte == b'\n';
    if !field.iter().any(special) {
        out.extend_from_slice(field);
    } else {
        between_quotes(field, dialect, out);
    }
}

fn between_quotes(field: &[u8], dialect: &Dialect, out: &mut Vec<u8>) {
    out.push(dialect.quote);
    for &byte in field {
        if byte == dialect.quote {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(dialect.quote);
}

/// The content of a field as it stands in the file.
pub fn unquoted<'a>(field: &'a [u8], quote: u8) -> Cow<'a, [u8]> {
    let Some((&first, rest)) = field.split_first() else {
        return Cow::Borrowed(field);
    };
    if first != quote {
        return Cow::Borrowed(field);
    }
    if let Some((&last, inner)) = rest.split_last()
        && last == quote
        && !inner.contains(&quote)
    {
        return Cow::Borrowed(inner);
    }
    let mut content = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == quote && bytes.next_if_eq(&quote).is_none() {
            // What follows a closing quote is taken as it stands.
            content.extend(bytes);
            break;
        }
        content.push(byte);
    }
    Cow::Owned(content)
}

#[cfg(test)]
mod tests {
    use pinksync_model::CsvSettings;

    use super::*;

    fn dialect(change: impl FnOnce(&mut CsvSettings)) -> Dialect {
        let mut settings = CsvSettings::default();
        change(&mut settings);
        Dialect::new(&settings).unwrap()
    }

    fn field(dialect: &Dialect, value: &Value) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        dialect.put(value, Quotes::IfNeeded, &mut out).map(|()| out)
    }

    #[test]
    fn an_empty_field_is_null_unless_another_text_is() {
        let plain = dialect(|_| {});
        assert_eq!(plain.value(b""), Some(Value::Null));
        assert_eq!(field(&plain, &Value::Null).unwrap(), b"");
        let token = dialect(|settings| settings.null = Some("NULL".to_owned()));
        assert_eq!(token.value(b""), Some(Value::text("")));
        assert_eq!(token.value(b"NULL"), Some(Value::Null));
        assert_eq!(field(&token, &Value::Null).unwrap(), b"NULL");
        assert_eq!(field(&token, &Value::text("")).unwrap(), b"");
        assert!(field(&token, &Value::text("NULL")).unwrap_err().contains("csv.null"));
    }

    #[test]
    fn what_is_written_reads_back() {
        for dialect in [dialect(|_| {}), dialect(|s| (s.delimiter, s.quote) = (';', '\''))] {
            for text in
                ["a", "a,b", "a;b", "a\"b", "'", "''", "\"", "line\nbreak", "cr\rhere", " space ", "ünï", "a\0b"]
            {
                let out = field(&dialect, &Value::text(text)).unwrap();
                let back = dialect.value(&unquoted(&out, dialect.quote)).unwrap();
                assert_eq!(back, Value::text(text), "{out:?}");
            }
        }
    }

    #[test]
    fn encodings_hold_what_they_hold() {
        let latin = dialect(|settings| settings.encoding = "iso-8859-1".to_owned());
        assert_eq!(field(&latin, &Value::text("café")).unwrap(), b"caf\xe9");
        assert_eq!(latin.value(b"caf\xe9"), Some(Value::text("café")));
        assert!(field(&latin, &Value::text("日本")).is_err());
        assert_eq!(dialect(|_| {}).value(b"caf\xe9"), None);
        let japanese = dialect(|settings| settings.encoding = "shift_jis".to_owned());
        let out = field(&japanese, &Value::text("表示")).unwrap();
        assert_eq!(japanese.value(&out), Some(Value::text("表示")));
    }

    #[test]
    fn a_fields_content_is_found_between_its_quotes() {
        for (raw, content) in [
            ("", ""),
            ("a", "a"),
            ("\"\"", ""),
            ("\"a\"", "a"),
            ("\"a\"\"b\"", "a\"b"),
            ("\"a\"b", "ab"),
            ("\"a\"\"\"", "a\""),
            ("\"\"\"\"", "\""),
            ("a\"b\"", "a\"b\""),
            ("\"", ""),
            ("\"a\"b\"c", "ab\"c"),
        ] {
            assert_eq!(&*unquoted(raw.as_bytes(), b'"'), content.as_bytes(), "{raw}");
        }
    }
}
