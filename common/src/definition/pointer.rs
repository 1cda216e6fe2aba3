//! From the path of a mistake to a JSON pointer (RFC 6901).

/// `datasets[0].fields["a.b"]` as `/datasets/0/fields/a.b`; the empty path as the empty pointer.
pub fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (step, tail) = next_step(rest);
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        rest = tail;
    }
    pointer
}

/// The first step of a path, and what follows it.
fn next_step(path: &str) -> (String, &str) {
    if let Some(quoted) = path.strip_prefix("[\"") {
        return quoted_step(quoted);
    }
    if let Some((index, tail)) = path.strip_prefix('[').and_then(|path| path.split_once(']')) {
        return (index.to_owned(), tail);
    }
    let plain = path.strip_prefix('.').unwrap_or(path);
    let end = plain.find(['.', '[']).unwrap_or(plain.len());
    (plain[..end].to_owned(), &plain[end..])
}

/// A name as `{:?}` writes it, up to its closing quote and bracket.
fn quoted_step(quoted: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (name, quoted[at + 1..].strip_prefix(']').unwrap_or_default()),
            '\\' => match characters.next() {
                Some((_, 'n')) => name.push('\n'),
                Some((_, 'r')) => name.push('\r'),
                Some((_, 't')) => name.push('\t'),
                Some((_, '0')) => name.push('\0'),
                Some((_, 'u')) => {
                    let digits: String =
                        characters.by_ref().map(|(_, c)| c).skip(1).take_while(|c| *c != '}').collect();
                    name.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
                }
                Some((_, other)) => name.push(other),
                None => {}
            },
            other => name.push(other),
        }
    }
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_pointer() {
        for (path, expected) in [
            ("", ""),
            ("source", "/source"),
            ("datasets[0].key[12]", "/datasets/0/key/12"),
            ("datasets[0].fields[\"a.b\"].to", "/datasets/0/fields/a.b/to"),
            ("[\"a/b~c\"].d", "/a~1b~0c/d"),
        ] {
            assert_eq!(pointer(path), expected);
        }
    }

    #[test]
    fn any_name_survives() {
        for name in ["a\"].b", "\\", "a\nb\t\r\0", "\u{301}\u{7f}'", "", "[0]", "ä b"] {
            let expected = format!("/a/{}/c", name.replace('~', "~0").replace('/', "~1"));
            assert_eq!(pointer(&format!("a[{name:?}].c")), expected);
        }
    }
}
