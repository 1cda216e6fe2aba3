//! Guards against disasters. Terms are checked before anything is read, deletes when all comparing is done.

use std::sync::Arc;

use pinksync_model::{GuardName, GuardReport, ReadCounts, Reason, Side};

use super::{Prepared, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{BaseTerms, DeferredKind};
use crate::mapping::changed;
use crate::pair::Pair;

/// Datasets smaller than this may lose any share of their records.
const SMALL_DATASET: u64 = 20;

/// Guards whose overriding drops the base that they guard.
pub(super) const DROP_THE_BASE: [GuardName; 3] =
    [GuardName::DefinitionChanged, GuardName::DifferentSystem, GuardName::SchemaDrift];

/// Which terms are stored as those of the base to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    /// Where there are none yet.
    First,
    /// Also where a change is allowed, which forgets the old base.
    Changed,
}

/// Whether some guard tripped that is not overridden.
pub fn stop(guards: &[GuardReport]) -> bool {
    guards.iter().any(|guard| guard.tripped && !guard.allowed)
}

/// Why a session that a guard stopped is where it is.
pub fn guard_reason(guards: &[GuardReport]) -> Reason {
    let tripped: Vec<&GuardReport> = guards.iter().filter(|guard| guard.tripped && !guard.allowed).collect();
    let name = tripped.first().map_or("unknown", |guard| guard.name.as_str());
    let details: Vec<&str> = tripped.iter().filter_map(|guard| guard.detail.as_deref()).collect();
    let detail = if details.is_empty() { "a guard tripped".to_owned() } else { details.join("; ") };
    Reason { code: format!("guard:{name}"), detail }
}

/// Compares each dataset's terms with those of its base, once a base was taken.
pub async fn terms(session: &Session, prepared: &[Prepared], keep: Keep) -> Result<Vec<GuardReport>> {
    let source = session.source.identity().await?;
    let target = session.target.identity().await?;
    let mut reports = Vec::new();
    for one in prepared {
        let name = &one.mapping.name;
        let now = one.mapping.terms(&source, &target);
        let then = session.home.terms(name).await?;
        let taken = !session.home.blocks(name).await?.is_empty();
        let Some(then) = then.filter(|_| taken) else {
            if keep != Keep::Nothing {
                session.home.set_terms(name, &now, false).await?;
            }
            continue;
        };
        let found: Vec<GuardReport> = changes(&then, &now)
            .into_iter()
            .map(|(guard, detail)| report(session, guard, name, 0.0, 1.0, true, Some(detail)))
            .collect();
        if keep == Keep::Changed && !found.is_empty() && found.iter().all(|guard| guard.allowed) {
            session.home.note_overridden(session.id, &found).await?;
            session.home.set_terms(name, &now, true).await?;
        }
        reports.extend(found);
    }
    Ok(reports)
}

/// The guards that also hold for what only makes sense where the base was taken: to undo a session, to settle a
/// conflict. Nothing overrides them there.
pub async fn of_the_base(session: &Session, prepared: &[Prepared]) -> Result<Vec<GuardReport>> {
    let held = [GuardName::DifferentSystem, GuardName::DefinitionChanged].map(|guard| guard.to_string());
    let mut tripped = terms(session, prepared, Keep::Nothing).await?;
    tripped.retain(|guard| held.contains(&guard.name));
    tripped.iter_mut().for_each(|guard| guard.allowed = false);
    Ok(tripped)
}

/// Whether a dataset's base is dropped for a guard that was overridden.
pub fn drops_base(guards: &[GuardReport], dataset: &str) -> bool {
    let names = DROP_THE_BASE.map(|guard| guard.to_string());
    let of_dataset = guards.iter().filter(|guard| guard.dataset.as_deref() == Some(dataset));
    of_dataset.into_iter().any(|guard| guard.allowed && names.contains(&guard.name))
}

/// A saved plan is a plan over the base that there was: to drop that base first is another session.
pub fn refuse_with_plan(session: &Session, terms: &[GuardReport]) -> Result<()> {
    let Some(guard) = terms.iter().find(|guard| guard.allowed).filter(|_| session.plan.is_some()) else {
        return Ok(());
    };
    let message = format!("{} is allowed, which drops the base that the plan was made over", guard.name);
    let remedy = format!("run with `--allow {}` and without the plan; then make the plan anew", guard.name);
    Err(Error::new(ErrorKind::Definition, "carry out the plan", message).with_remedy(remedy))
}

/// Guards that this session overrode are in its report also where a process that died has dealt with them.
pub async fn with_overridden(session: &Session, found: Vec<GuardReport>) -> Result<Vec<GuardReport>> {
    let overridden: Vec<GuardReport> = found.iter().filter(|guard| guard.allowed).cloned().collect();
    if !overridden.is_empty() {
        session.home.note_overridden(session.id, &overridden).await?;
    }
    let mut guards = session.home.overridden(session.id).await?;
    let noted =
        |guard: &GuardReport| guards.iter().any(|one| (&one.name, &one.dataset) == (&guard.name, &guard.dataset));
    let others: Vec<GuardReport> = found.into_iter().filter(|guard| !noted(guard)).collect();
    guards.extend(others);
    Ok(guards)
}

/// What of the terms is not as it was, with a sentence for each.
fn changes(then: &BaseTerms, now: &BaseTerms) -> Vec<(GuardName, String)> {
    let mut changes = Vec::new();
    for (side, then, now) in [
        (Side::Source, &then.source_identity, &now.source_identity),
        (Side::Target, &then.target_identity, &now.target_identity),
    ] {
        if then != now {
            let detail = format!("the {side} was {then} when the base was taken, and is {now} now");
            changes.push((GuardName::DifferentSystem, detail));
        }
    }
    if then.definition != now.definition {
        changes.push((GuardName::DefinitionChanged, changed::definition(&then.definition, &now.definition)));
    } else if then.schema != now.schema {
        changes.push((GuardName::SchemaDrift, changed::schema(&then.schema, &now.schema)));
    }
    changes
}

fn report(
    session: &Session,
    guard: GuardName,
    dataset: &str,
    limit: f64,
    actual: f64,
    tripped: bool,
    detail: Option<String>,
) -> GuardReport {
    GuardReport {
        name: guard.to_string(),
        limit,
        actual,
        tripped,
        allowed: tripped && session.allowed.contains(&guard),
        detail,
        dataset: Some(dataset.to_owned()),
    }
}

/// What the deletes that wait would take, with those that this session has made, against the limits.
pub async fn deletes(session: &Session, pairs: &[Arc<Pair>]) -> Result<Vec<GuardReport>> {
    let mut reports = Vec::new();
    let counted = session.home.counted(session.id).await?;
    for pair in pairs {
        let waiting = session.home.count_deferred(session.id, pair.name(), DeferredKind::Delete).await?;
        let report = counted.iter().find(|(name, _)| name == pair.name()).map(|(_, report)| report);
        let made = report.map_or((0, 0), |report| (report.to_source.deleted, report.to_target.deleted));
        let deletes = (waiting.0 + made.0, waiting.1 + made.1);
        let present = match &session.plan {
            Some(plan) => plan.present.get(pair.name()).copied().unwrap_or_default(),
            None => present(session, pair, report.map(|report| report.read).unwrap_or_default()).await?,
        };
        reports.extend(on_deletes(session, pair.name(), deletes, present));
    }
    Ok(reports)
}

/// How many records each side has: (source, target). A skipped block may have some on one side only.
pub async fn present(session: &Session, pair: &Pair, read: ReadCounts) -> Result<(u64, u64)> {
    if read.skipped_unchanged == 0 {
        return Ok((read.source, read.target));
    }
    let (mut here, mut elsewhere, mut records) = ((0, 0), (0, 0), 0);
    for header in session.home.blocks(pair.name()).await? {
        let Some(sums) = header.sums else { continue };
        let sum = if pair.skipped().contains(&header.id) {
            records += sums.counts.records;
            &mut here
        } else if header.checked_by == Some(session.id) {
            &mut elsewhere
        } else {
            continue;
        };
        sum.0 += sums.source.count;
        sum.1 += sums.target.count;
    }
    // What another process of this session skipped is not told from what it compared: this much at most.
    let others = read.skipped_unchanged.saturating_sub(records);
    Ok((read.source + here.0 + elsewhere.0.min(others), read.target + here.1 + elsewhere.1.min(others)))
}

/// The guards on deletes of one dataset: (on the source, on the target), and how many records either side has.
pub fn on_deletes(session: &Session, dataset: &str, deletes: (u64, u64), present: (u64, u64)) -> Vec<GuardReport> {
    let present = |side| match side {
        Side::Source => present.0,
        Side::Target => present.1,
    };
    let mut reports = Vec::new();
    let mut worst = (0.0_f64, None);
    for (side, deletes) in [(Side::Source, deletes.0), (Side::Target, deletes.1)] {
        let records = present(side).max(deletes);
        let percent = if records == 0 { 0.0 } else { 100.0 * deletes as f64 / records as f64 };
        if records >= SMALL_DATASET && percent > worst.0 {
            worst = (percent, Some(format!("{deletes} of {records} records on the {side} would be deleted")));
        }
        if deletes > 0 && present(side.other()) == 0 {
            let follow = if deletes == 1 { "1 delete" } else { &format!("{deletes} deletes") };
            let detail = format!("the {} has no records at all, and {follow} would follow", side.other());
            let actual = deletes as f64;
            reports.push(report(session, GuardName::EmptySide, dataset, 0.0, actual, true, Some(detail)));
        }
    }
    let limit = session.definition.guards.max_delete_percent;
    reports.push(report(session, GuardName::MaxDeletePercent, dataset, limit, worst.0, worst.0 > limit, worst.1));
    reports
}
