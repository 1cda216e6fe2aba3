//! Which form of a union was meant: "fits none of the forms" helps nobody, so the form that comes closest is
//! taken, and what is wrong with that one is said.

use super::{Cause, Finding, Place};
use crate::Connection;

/// What to report of a union at `place`, given what each of its forms has against the value.
pub(super) fn choose(place: &Place, forms: Vec<Vec<Finding>>) -> Vec<Finding> {
    let (mistyped, forms): (Vec<_>, Vec<_>) =
        forms.into_iter().partition(|form| form.iter().any(|finding| finding.is_type_at(place)));
    if forms.is_empty() {
        return vec![merge_types(place, mistyped)];
    }
    if let Some(choice) = merge_choices(place, &forms) {
        return vec![choice];
    }
    by_tag(place, forms)
}

/// No form wants this type of value: all that would do, together.
fn merge_types(place: &Place, forms: Vec<Vec<Finding>>) -> Finding {
    let (mut expected, mut choices) = (Vec::new(), Vec::new());
    for finding in forms.into_iter().flatten().filter(|finding| finding.place == *place) {
        match finding.cause {
            Cause::Type { expected: types, choices: texts } => {
                expected.extend(types.into_iter().filter(|one| !expected.contains(one)).collect::<Vec<_>>());
                choices.extend(texts);
            }
            Cause::Choice(texts) => choices.extend(texts),
            _ => {}
        }
    }
    Finding { place: place.clone(), cause: Cause::Type { expected, choices } }
}

/// Every form is one fixed text: all of them, together.
fn merge_choices(place: &Place, forms: &[Vec<Finding>]) -> Option<Finding> {
    let mut choices = Vec::new();
    for form in forms {
        match form.as_slice() {
            [Finding { place: at, cause: Cause::Choice(texts) }] if at == place => choices.extend(texts.clone()),
            _ => return None,
        }
    }
    Some(Finding { place: place.clone(), cause: Cause::Choice(choices) })
}

/// Forms told apart by the field `type`, where they are.
fn by_tag(place: &Place, forms: Vec<Vec<Finding>>) -> Vec<Finding> {
    let tag = place.field("type");
    let lacks_tag =
        |finding: &Finding| finding.place == *place && matches!(&finding.cause, Cause::Missing(name) if name == "type");
    if forms.iter().all(|form| form.iter().any(lacks_tag)) {
        return vec![Finding { place: place.clone(), cause: Cause::Missing("type".to_owned()) }];
    }
    let tag_is_wrong = |form: &Vec<Finding>| form.iter().any(|finding| finding.place == tag);
    let (wrong, right): (Vec<_>, Vec<_>) = forms.into_iter().partition(tag_is_wrong);
    if right.is_empty() {
        let at_tag = wrong.into_iter().flatten().find(|finding| finding.place == tag);
        let choices: Vec<String> = Connection::KINDS.map(str::to_owned).to_vec();
        let cause = match at_tag.map(|finding| finding.cause) {
            Some(Cause::Type { expected, .. }) => Cause::Type { expected, choices },
            _ => Cause::Choice(choices),
        };
        return vec![Finding { place: tag, cause }];
    }
    closest(place, right)
}

/// The form with the fewest fields missing or unknown; if two are as close, what was meant is not clear.
fn closest(place: &Place, forms: Vec<Vec<Finding>>) -> Vec<Finding> {
    let distance = |form: &Vec<Finding>| {
        let own = form.iter().filter(|finding| finding.place == *place);
        own.filter(|finding| matches!(finding.cause, Cause::Missing(_) | Cause::Unknown { .. })).count()
    };
    let least = forms.iter().map(distance).min().unwrap_or_default();
    let mut nearest = forms.into_iter().filter(|form| distance(form) == least);
    match (nearest.next(), nearest.next()) {
        (Some(_), Some(_)) => vec![Finding { place: place.clone(), cause: Cause::NoFilterForm }],
        (Some(form), None) => form,
        _ => Vec::new(),
    }
}
