//! Off-peak windows: what works when the window of its schedule closes is paused, and goes on when it opens again.
//!
//! A closing concerns what was begun, or asked to be, before it: what a person starts or resumes afterwards may go on until
//! the next one. A paused schedule starts nothing and goes on with nothing.
//!
//! Harmless where two run: what is to be done is decided again under the lock of the session's row.

use std::collections::HashMap;
use std::time::Duration;

use pinksync_common::calendar::{Calendar, Gate};
use pinksync_common::ids::SessionId;
use pinksync_common::store::scheduling::{self, Times, WINDOW_CLOSED, Windowed, WindowedState};
use pinksync_common::store::sessions::{self, Moved};
use pinksync_common::store::{self, Client, Transaction};
use pinksync_model::{Reason, SessionStatus};
use uuid::Uuid;

use super::due::calendar;
use super::{Left, Loop, Parts};
use crate::{Result, Scheduler};

pub(crate) const LOOP: Loop = Loop {
    name: "windows",
    every: Duration::from_secs(5),
    round: |scheduler| Box::pin(async move { round(&scheduler).await }),
};

const BATCH: usize = 500;

/// What a window wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// It works, and may not any more.
    Pause,
    /// It waits to work, and may not any more.
    HoldBack,
    /// It may work again.
    LetGo,
}

/// One round: all sessions that windows concern, a batch at a time.
pub async fn round(scheduler: &Scheduler) -> Result<Left> {
    let mut client = store::client(&scheduler.pool).await?;
    let mut parts = Parts::default();
    let mut calendars = Calendars::default();
    let mut after = SessionId(Uuid::nil());
    loop {
        let batch = scheduling::windowed(&client, after, BATCH as i64).await?;
        for one in &batch {
            after = one.session;
            let moved = match calendars.wanted(one) {
                Ok(Some(_)) => carry_out(&mut client, one, &mut calendars).await,
                Ok(None) => Ok(false),
                Err(error) => Err(error),
            };
            parts.add(moved);
        }
        if batch.len() < BATCH {
            return parts.end(usize::MAX);
        }
    }
}

async fn carry_out(client: &mut Client, seen: &Windowed, calendars: &mut Calendars) -> Result<bool> {
    let transaction = store::begin(client).await?;
    if sessions::lock(&transaction, seen.account, seen.session).await?.is_none() {
        return Ok(false);
    }
    let Some(session) = scheduling::windowed_one(&transaction, seen.session).await? else { return Ok(false) };
    let Some(wanted) = calendars.wanted(&session)? else { return Ok(false) };
    let done = carry(&transaction, &session, wanted).await?;
    store::commit(transaction).await?;
    Ok(done)
}

async fn carry(transaction: &Transaction<'_>, session: &Windowed, wanted: Move) -> Result<bool> {
    let (account, id) = (session.account, session.session);
    let reason = Reason {
        code: WINDOW_CLOSED.to_owned(),
        detail: "the window of its schedule is closed; it goes on when that opens".to_owned(),
    };
    let moved = match wanted {
        Move::Pause => sessions::move_to(transaction, account, id, SessionStatus::Paused, Some(&reason), None).await?,
        Move::HoldBack => return Ok(sessions::hold_back(transaction, account, id, &reason).await?),
        Move::LetGo => sessions::want_slot(transaction, account, id).await?,
    };
    Ok(moved == Moved::Done)
}

/// The calendars of a round: many sessions share few.
#[derive(Default)]
struct Calendars(HashMap<Times, Calendar>);

impl Calendars {
    fn wanted(&mut self, session: &Windowed) -> Result<Option<Move>> {
        let gate = match &session.times {
            None => Gate::Open,
            Some(times) => self.of(times)?.gate(session.now.0),
        };
        Ok(match (session.state, gate) {
            (WindowedState::HeldBack, Gate::Open) if !session.schedule_paused => Some(Move::LetGo),
            (WindowedState::Working(began), Gate::Closed { since }) if began.0 < since => Some(Move::Pause),
            (WindowedState::Waiting(asked), Gate::Closed { since }) if asked.0 < since => Some(Move::HoldBack),
            _ => None,
        })
    }

    fn of(&mut self, times: &Times) -> Result<&Calendar> {
        if !self.0.contains_key(times) {
            self.0.insert(times.clone(), calendar(times)?);
        }
        Ok(&self.0[times])
    }
}
