//! Which of the forms that an answer can have the client wants: `Accept` of RFC 9110.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// The place of the form that is wanted most among those offered; the first one where the client has no wish, or none
/// that can be met.
pub fn preferred(headers: &HeaderMap, offered: &[&str]) -> usize {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(&str, f32)> = values.flat_map(|value| value.split(',')).map(range).collect();
    let mut best = (0, 0.0);
    for (place, form) in offered.iter().enumerate() {
        let weight = weight(&ranges, form);
        if weight > best.1 {
            best = (place, weight);
        }
    }
    best.0
}

/// A media range and its weight.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse().ok());
    (range, weight.unwrap_or(1.0))
}

/// That of the most exact range which holds the form.
fn weight(ranges: &[(&str, f32)], form: &str) -> f32 {
    let kind = form.split('/').next().unwrap_or_default();
    let exactness = |range: &str| {
        if range.eq_ignore_ascii_case(form) {
            3
        } else if range.strip_suffix("/*").is_some_and(|one| one.eq_ignore_ascii_case(kind)) {
            2
        } else {
            u8::from(range == "*/*")
        }
    };
    let fitting = ranges.iter().map(|(range, weight)| (exactness(range), *weight)).filter(|(exact, _)| *exact > 0);
    fitting.max_by_key(|(exact, _)| *exact).map_or(0.0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: [&str; 3] = ["application/json", "text/html", "text/csv"];

    #[test]
    fn the_form_with_the_greatest_weight_is_taken() {
        for (accept, wanted) in [
            ("", "application/json"),
            ("*/*", "application/json"),
            ("text/csv", "text/csv"),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
            ("text/*;q=0.5, text/csv", "text/csv"),
            ("application/json;q=0.2, TEXT/HTML; q=0.9", "text/html"),
            ("image/png", "application/json"),
            ("text/html;q=0, */*;q=0.1", "application/json"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(OFFERED[preferred(&headers, &OFFERED)], wanted, "{accept}");
        }
        assert_eq!(preferred(&HeaderMap::new(), &OFFERED), 0);
    }
}
