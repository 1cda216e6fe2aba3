//! The text of the sync file that `init` writes.

use std::path::Path;

use super::address::{Address, escaped, quoted};
use super::suggest::{Certainty, Suggestion, Suggestions};

/// A commented sync file.
pub fn write(file: &Path, source: &Address, target: &Address, suggestions: &Suggestions) -> String {
    let name = file.file_stem().map_or_else(|| "sync".to_owned(), |name| name.to_string_lossy().into_owned());
    let newest = suggestions.datasets.iter().all(|dataset| dataset.modified_at.is_some());
    let two_way_strategy = if newest { "newest_wins" } else { "manual" };
    let mut text = format!(
        "# Written by `pinksync init`. What it would do: pinksync plan {shown}\n\
         name: {name}\n\
         direction: one_way            # or two_way: changes of either side are carried to the other\n\
         strategy: source_wins         # what decides a record that both sides changed differently:\n\
         {blank:30}# manual (a person) | source_wins | target_wins | newest_wins (by modified_at);\n\
         {blank:30}# for two_way begin with {two_way_strategy}\n\n\
         source: {source}\n\
         target: {target}\n\n\
         datasets:\n",
        shown = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default(),
        name = word(&name),
        blank = "",
        source = source.written,
        target = target.written,
    );
    for dataset in &suggestions.datasets {
        text.push_str(&entry(dataset));
    }
    for (side, names) in [("source", &suggestions.only_source), ("target", &suggestions.only_target)] {
        if !names.is_empty() {
            text.push_str(&format!("  # only at the {side}: {}\n", one_line(&names.join(", "))));
        }
    }
    if !suggestions.without_key.is_empty() {
        let names = one_line(&suggestions.without_key.join(", "));
        text.push_str(&format!("  # left out, since nothing seems to identify a record: {names}\n"));
    }
    text.push_str(
        "\nguards:\n  max_delete_percent: 50      # a session that would delete more of a dataset stops before the first delete\n",
    );
    text
}

fn entry(dataset: &Suggestion) -> String {
    let key: Vec<String> = dataset.key.iter().map(|name| word(name)).collect();
    let guessed = match dataset.certainty {
        Certainty::Declared => "",
        Certainty::ByName | Certainty::Any => "   # a guess: make sure that it identifies a record",
    };
    let mut text = format!(
        "  - source: {}\n    target: {}\n    key: [{}]{guessed}\n",
        word(&dataset.source),
        word(&dataset.target),
        key.join(", ")
    );
    if dataset.create_target {
        text.push_str("    create_target: true         # made from the source's columns\n");
    }
    if let Some((source, target)) = &dataset.modified_at {
        let written = match source == target {
            true => word(source),
            false => format!("{{source: {}, target: {}}}", word(source), word(target)),
        };
        text.push_str(&format!("    modified_at: {written}   # when a record was last changed\n"));
        if dataset.time_is_text {
            let mut names = vec![source, target];
            names.dedup();
            let types: Vec<String> = names.iter().map(|name| format!("{}: timestamp", word(name))).collect();
            text.push_str(&format!("    types: {{{}}}   # text on both sides\n", types.join(", ")));
        }
    }
    for (side, names) in [("source", &dataset.only_source), ("target", &dataset.only_target)] {
        if !names.is_empty() {
            let names = one_line(&names.join(", "));
            text.push_str(&format!(
                "    # only at the {side}, not synced: {names} (to rename: fields: {{source_name: target_name}})\n"
            ));
        }
    }
    text
}

/// A name as YAML takes it for text.
fn word(name: &str) -> String {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let plain = starts && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    let keyword = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if plain && !keyword.contains(&name.to_ascii_lowercase().as_str()) {
        name.to_owned()
    } else {
        quoted(&escaped(name))
    }
}

/// Text of a comment, which ends with its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn names_that_yaml_would_read_otherwise_are_quoted() {
        assert_eq!(word("public.customers"), "public.customers");
        for odd in ["no", "1a", "a b", "a: b", "", "#x", "Null"] {
            assert_eq!(word(odd), format!("\"{odd}\""));
        }
    }
}
