//! SQL's `LIKE`: `%` stands for any run of characters, `_` for any one, `\` takes the next one literally.

/// Whether the whole text matches. Time is at most pattern times text; a `%` only ever needs to be tried again
/// from the last one, so that there is one place to go back to.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut back: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut next = pattern.clone();
        match next.next() {
            Some('%') => {
                pattern = next;
                if pattern.as_str().is_empty() {
                    return true;
                }
                back = Some((pattern.clone(), text.clone()));
                continue;
            }
            None if text.as_str().is_empty() => return true,
            Some(wanted) => {
                let any = wanted == '_';
                let wanted = if wanted == '\\' { next.next().unwrap_or('\\') } else { wanted };
                let mut rest = text.clone();
                if rest.next().is_some_and(|found| any || found == wanted) {
                    (pattern, text) = (next, rest);
                    continue;
                }
            }
            None => {}
        }
        // A mismatch: the last `%` takes one character more.
        let Some((after_percent, mut from)) = back.take() else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (after_percent.clone(), from.clone());
        back = Some((after_percent, from));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "A", false),
            ("_", "ß", true),
            ("__", "ß", false),
            ("%", "", true),
            ("a%", "abc", true),
            ("%c", "abcbc", true),
            ("%b%b%", "abab", true),
            ("%b%b%b%", "abab", false),
            ("100\\%", "100%", true),
            ("100\\%", "1000", false),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("\\\\%", "\\x", true),
            ("%%%_", "x", true),
            ("%_%", "", false),
            ("a\\", "a\\", true),
            ("%ä_", "xäö", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    /// The definition, character by character.
    fn plainly(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            (['%', rest @ ..], text) => (0..=text.len()).any(|taken| plainly(rest, &text[taken..])),
            (['\\', wanted, rest @ ..], [found, text @ ..]) => wanted == found && plainly(rest, text),
            (['_', rest @ ..], [_, text @ ..]) => plainly(rest, text),
            ([wanted, rest @ ..], [found, text @ ..]) => wanted == found && plainly(rest, text),
            (_, []) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn agrees_with_the_definition(pattern in "[ab%_\\\\ä]{0,8}", text in "[ab%_\\\\ä]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), plainly(&chars(&pattern), &chars(&text)));
        }
    }
}
