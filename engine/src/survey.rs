//! Looks at everything a session would look at and writes nothing: plans, verification, differences.

mod empty;
mod lines;
mod verify;

use pinksync_model::{DatasetReport, Phase, PlanAction, PlanLine, PlanSummary, Side};

use crate::connector::{Guard, Transaction};
use crate::decide::Act;
use crate::error::Result;
use crate::pair::{Pair, PlannedRange};
use crate::saved_plan::SavedPlan;
use crate::segment::{self, Expected, Surveyed};
use crate::session::{Ending, Finished, Session, guards, open_pair, prepare_survey, ranges, staging, warnings};

pub(crate) use empty::Empty;
pub use verify::{Difference, verify};
pub(crate) use verify::{not_seen, verify_pair};

/// What a session would do.
pub struct Planned {
    pub finished: Finished,
    pub plan: SavedPlan,
    pub summary: PlanSummary,
    /// The base of some dataset was taken as none, for a guard that is overridden: such a plan is not carried out.
    pub over_no_base: bool,
}

/// Takes plan lines as they are found.
pub type Sink<'a> = &'a mut (dyn FnMut(PlanLine) -> Result<()> + Send);

/// Plans a session record by record, in key order of each dataset.
pub async fn plan(session: &Session, sink: Sink<'_>) -> Result<Planned> {
    let mut planned = Planned {
        finished: Finished {
            ending: Ending::Completed,
            datasets: Vec::new(),
            guards: Vec::new(),
            warnings: Vec::new(),
        },
        plan: SavedPlan::new(session.id),
        summary: PlanSummary::default(),
        over_no_base: false,
    };
    session.observer.phase("", Phase::Planning);
    let prepared = prepare_survey(session).await?;
    let terms = guards::terms(session, &prepared, guards::Keep::Nothing).await?;
    let tripped = |guards: &[pinksync_model::GuardReport]| guards.iter().any(|guard| guard.tripped && !guard.allowed);
    let stopped = tripped(&terms);
    planned.finished.guards = terms;
    if stopped {
        planned.finished.ending = Ending::Guarded;
        return Ok(planned);
    }
    for one in prepared {
        let mut pair = open_pair(session, one).await?;
        planned.finished.warnings.extend(warnings(session, &pair));
        pair.base_dropped = guards::drops_base(&planned.finished.guards, pair.name());
        planned.over_no_base |= pair.base_dropped;
        plan_dataset(session, pair, &mut planned, sink).await?;
    }
    if tripped(&planned.finished.guards) {
        planned.finished.ending = Ending::Guarded;
    }
    Ok(planned)
}

async fn plan_dataset(session: &Session, mut pair: Pair, planned: &mut Planned, sink: Sink<'_>) -> Result<()> {
    staging::stage_both(session, &mut pair, false).await?;
    session.observer.phase(pair.name(), Phase::Comparing);
    let mut deletes = (0_u64, 0_u64);
    let (name, fingerprint) = (pair.name().to_owned(), pair.mapping.fingerprint);
    planned.plan.fingerprints.insert(name.clone(), fingerprint);
    let (plan, summary) = (&mut planned.plan, &mut planned.summary);
    let mut report = survey(session, &pair, ranges::Coverage::Survey, &mut |pair, item| {
        if !item.decision.writes() && item.decision.conflict.is_none_or(|met| met.settled) {
            return Ok(());
        }
        match item.decision.deletes() {
            Some(Side::Source) => deletes.0 += 1,
            Some(Side::Target) => deletes.1 += 1,
            None => {}
        }
        if item.decision.writes() {
            plan.add(&name, item.triple.key.clone(), Expected::of(&item.triple));
        }
        for line in lines::of(pair, item) {
            summary.count(line.action);
            sink(line)?;
        }
        Ok(())
    })
    .await?;
    let present = guards::present(session, &pair, report.read).await?;
    plan.present.insert(name.clone(), present);
    // A base that is dropped takes its conflicts along.
    report.conflicts.open = if pair.base_dropped { 0 } else { session.home.count_open(&name).await? };
    planned.finished.guards.extend(guards::on_deletes(session, &name, deletes, present));
    planned.finished.datasets.push(report);
    Ok(())
}

/// Goes through every record of a staged dataset that a session would compare, and gives each with its decision to `visit`.
/// Returns the counters of what is as it should be; writes are not counted.
pub(super) async fn survey(
    session: &Session,
    pair: &Pair,
    coverage: ranges::Coverage,
    visit: &mut (dyn FnMut(&Pair, &Surveyed) -> Result<()> + Send),
) -> Result<DatasetReport> {
    let (segments, mut report) = ranges::plan(session, pair, coverage, session.workers).await?;
    report.source.clone_from(&pair.mapping.source.dataset);
    report.target.clone_from(&pair.mapping.target.dataset);
    let ranges: Vec<PlannedRange> = segments.into_iter().flatten().collect();
    let total = ranges.len();
    for (done, planned) in ranges.into_iter().enumerate() {
        let mut surveyed = |counted: &DatasetReport| {
            report += counted;
            session.observer.advanced(pair.name(), done, total, counted);
        };
        survey_range(session, pair, planned, &mut surveyed, visit).await?;
    }
    report.rejected += pair.source.unknown + pair.target.unknown;
    Ok(report)
}

async fn survey_range(
    session: &Session,
    pair: &Pair,
    mut planned: PlannedRange,
    surveyed: &mut (dyn FnMut(&DatasetReport) + Send),
    visit: &mut (dyn FnMut(&Pair, &Surveyed) -> Result<()> + Send),
) -> Result<()> {
    let context = session.context();
    loop {
        session.stop.check()?;
        let mut transactions = begin(pair).await?;
        let (items, counted, cut) =
            segment::survey(&context, pair, &mut transactions, &planned, context.limits.read_budget).await?;
        // Whoever takes the records may take long over them, and a system does not wait so long for an idle transaction.
        transactions.0.rollback().await?;
        transactions.1.rollback().await?;
        surveyed(&counted);
        for item in &items {
            visit(pair, item)?;
        }
        match cut {
            Some(cut) => planned.range.low = Some(cut),
            None => return Ok(()),
        }
    }
}

async fn begin(pair: &Pair) -> Result<(Box<dyn Transaction>, Box<dyn Transaction>)> {
    let (source, target) =
        tokio::join!(pair.source.dataset.begin(Guard::Snapshot), pair.target.dataset.begin(Guard::Snapshot));
    Ok((source?, target?))
}

/// What a written side would do, for the summary.
fn action(act: &Act) -> Option<PlanAction> {
    match act {
        Act::None => None,
        Act::Create => Some(PlanAction::Create),
        Act::Update(_) => Some(PlanAction::Update),
        Act::Delete => Some(PlanAction::Delete),
    }
}
