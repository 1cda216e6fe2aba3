//! Rules across datasets: no dataset may be synced twice.

use std::collections::HashMap;

use crate::parse::draft::Draft;
use crate::parse::{Gathered, Place};
use crate::{DatasetEntry, Direction};

/// One side of an entry: its name there, and the field of the file that says so.
struct Named<'a> {
    name: &'a str,
    place: Place,
}

/// No two entries may write the same dataset, and none may stand there twice.
pub(super) fn check(draft: &Draft, found: &mut Gathered<'_>) {
    let mut sources = HashMap::new();
    let mut targets = HashMap::new();
    for (index, entry) in draft.datasets.iter().enumerate() {
        let Some(entry) = entry else { continue };
        let place = Place::root().field("datasets").index(index);
        let (source, target) = sides(entry, &place);
        let source_is_written = draft.direction == Direction::TwoWay;
        let earlier_target = targets.insert(target.name, place.clone());
        let earlier_source = sources.insert(source.name, place);
        if let Some(earlier) = earlier_target {
            report(&target, &earlier, "writes", found);
        } else if let (Some(earlier), true) = (earlier_source, source_is_written) {
            report(&source, &earlier, "syncs", found);
        }
    }
}

fn report(named: &Named<'_>, earlier: &Place, verb: &str, found: &mut Gathered<'_>) {
    let shown = match found.shown(&named.place).as_str() {
        "nothing" => "the same file".to_owned(),
        text if text.starts_with('`') => text.to_owned(),
        _ => "the same dataset".to_owned(),
    };
    let message = format!("{shown} is given twice: `{earlier}` {verb} it already");
    found.add(&named.place, message, "keep one of the two entries");
}

fn sides<'a>(entry: &'a DatasetEntry, place: &Place) -> (Named<'a>, Named<'a>) {
    let (source, target) = match entry {
        DatasetEntry::Pattern(name) => {
            return (Named { name, place: place.clone() }, Named { name, place: place.clone() });
        }
        DatasetEntry::Definition(dataset) => (dataset.source.as_deref(), dataset.target.as_deref()),
    };
    let at_source = Named { name: source.unwrap_or_default(), place: place.field("source") };
    let at_target = Named { name: target.unwrap_or_default(), place: place.field("target") };
    match (source, target) {
        (Some(_), Some(_)) => (at_source, at_target),
        (Some(name), None) => (at_source, Named { name, place: place.field("source") }),
        (None, Some(name)) => (Named { name, place: place.field("target") }, at_target),
        (None, None) => (Named { name: "", place: place.clone() }, Named { name: "", place: place.clone() }),
    }
}
