//! Deletes that give back what they took, and keep away from rows that others depend on.

use pinksync_engine::connector::{Outcome, Refusal, Write};
use pinksync_engine::{Result, Values};

use super::client::Session;
use super::encode::Arrays;
use super::insert::{image, image_columns};
use super::layout::{Layout, fields, ordinal};
use super::lookup::present;
use super::sql;
use super::table::{Column, Dependent};
use super::types::Wire;
use super::write::{Failure, Outcomes, suppressed};

pub async fn run(
    session: &mut Session,
    layout: &Layout,
    writes: &[Write],
    part: &[usize],
) -> std::result::Result<Outcomes, Failure> {
    let mut done = Vec::with_capacity(part.len());
    let mut sent = Vec::with_capacity(part.len());
    for &index in part {
        // What cannot be a key here is no record's key.
        match Arrays::new(layout.key_wires()).push(writes[index].key.iter()) {
            Ok(()) => sent.push(index),
            Err(_) => done.push((index, Outcome::Moved)),
        }
    }
    let keys = |part: &[usize]| part.iter().map(|&index| &writes[index].key).collect::<Vec<_>>();
    for dependent in blocked(session, layout, &keys(&sent)).await? {
        done.push((sent[dependent.0], dependent.1.into()));
    }
    sent.retain(|index| !done.iter().any(|(refused, _)| refused == index));
    if sent.is_empty() {
        return Ok(done);
    }
    let columns = image_columns(layout);
    let mut images: Vec<Option<Outcome>> = vec![None; sent.len()];
    for row in session.query(&statement(layout, &columns), &parameters(layout, &keys(&sent))?).await? {
        if let Some(image_slot) = images.get_mut(ordinal(&row)?) {
            *image_slot = Some(Outcome::Deleted(image(&columns, fields(&row, 1))?));
        }
    }
    let mut missing = Vec::new();
    for (index, outcome) in sent.into_iter().zip(images) {
        match outcome {
            Some(outcome) => done.push((index, outcome)),
            None => missing.push(index),
        }
    }
    let keys: Vec<Values> = missing.iter().map(|&index| writes[index].key.clone()).collect();
    let present = present(session, layout, &keys).await?;
    let outcome = |present| if present { suppressed() } else { Outcome::Moved };
    done.extend(missing.into_iter().zip(present).map(|(index, present)| (index, outcome(present))));
    Ok(done)
}

fn parameters(layout: &Layout, keys: &[&Values]) -> Result<Vec<super::encode::ArrayParameter>> {
    use pinksync_engine::{Error, ErrorKind};
    let mut arrays = Arrays::new(layout.key_wires());
    for key in keys {
        arrays.push(key.iter()).map_err(|misfit| Error::new(ErrorKind::Other, "delete records", misfit.0))?;
    }
    Ok(arrays.finish())
}

fn statement(layout: &Layout, columns: &[&Column]) -> String {
    let read: Vec<String> = columns.iter().map(|column| column.read()).collect();
    format!(
        "DELETE FROM {} USING {} WHERE {} RETURNING u.n, {}",
        layout.table.source(),
        Arrays::source(&layout.key_wires()),
        layout.joined(),
        read.join(", "),
    )
}

/// Which of the keys' records others refer to by CASCADE, SET NULL or SET DEFAULT, and who does. Rows of the table
/// itself that are deleted in the same statement are no hindrance, unless they are hindered themselves.
async fn blocked(
    session: &mut Session,
    layout: &Layout,
    keys: &[&Values],
) -> std::result::Result<Vec<(usize, Refusal)>, Failure> {
    let mut blocked: Vec<Option<Refusal>> = vec![None; keys.len()];
    let mut inside: Vec<(usize, usize, &Dependent)> = Vec::new();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    for dependent in &layout.table.dependents {
        let statement = dependents_statement(layout, dependent);
        for row in session.query(&statement, &parameters(layout, keys)?).await? {
            let parent = ordinal(&row)?;
            let child: Option<i64> = row.try_get(1)?;
            match child.and_then(|child| usize::try_from(child - 1).ok()) {
                Some(child) => inside.push((parent, child, dependent)),
                None => {
                    if let Some(slot) = blocked.get_mut(parent) {
                        *slot = Some(has_dependents(dependent));
                    }
                }
            }
        }
    }
    loop {
        let hindered = |(parent, child, _): &&(usize, usize, &Dependent)| {
            let is_blocked = |index: usize| blocked.get(index).is_some_and(Option::is_some);
            *parent < keys.len() && is_blocked(*child) && !is_blocked(*parent)
        };
        let Some(&(parent, _, dependent)) = inside.iter().find(hindered) else { break };
        blocked[parent] = Some(has_dependents(dependent));
    }
    Ok(blocked.into_iter().enumerate().filter_map(|(index, refusal)| Some((index, refusal?))).collect())
}

/// Number of the record to be deleted and, where the row that refers to it is to be deleted as well, that one's.
fn dependents_statement(layout: &Layout, dependent: &Dependent) -> String {
    let wires: Vec<Wire> = layout.key_wires();
    let join = |alias: &str, columns: &[String]| -> Vec<String> {
        columns.iter().map(|name| format!("{alias}.{}", sql::identifier(name))).collect()
    };
    let on: Vec<String> = join("r", &dependent.there)
        .into_iter()
        .zip(join("t", &dependent.here))
        .map(|(there, here)| format!("{there} = {here}"))
        .collect();
    let source = Arrays::source(&wires);
    let base = format!("FROM {source} JOIN {} ON {}", layout.table.source(), layout.joined());
    let (on, other) = (on.join(" AND "), dependent.source());
    match dependent.is_own {
        false => format!("SELECT u.n, NULL::int8 {base} WHERE EXISTS (SELECT FROM {other} r WHERE {on})"),
        true => {
            let own = layout.joined_as("r", "v");
            let second = source.replace(" AS u(", " AS v(");
            format!("SELECT u.n, v.n {base} JOIN {other} r ON {on} LEFT JOIN {second} ON {own}")
        }
    }
}

fn has_dependents(dependent: &Dependent) -> Refusal {
    Refusal {
        code: "has_dependents".to_owned(),
        reason: format!(
            "{}.{} refers to it, and deleting it would change rows there",
            dependent.schema, dependent.name
        ),
        retry: true,
    }
}
