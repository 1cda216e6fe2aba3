//! A wake-up in the hands of a worker, until it is settled one way or another.

use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicRejectOptions};

use super::broker::{CALL_LIMIT, within};
use super::{Class, QueueError, Result, Wake};

/// A wake-up that the broker keeps until it is settled. One that is dropped unsettled comes again when the connection
/// ends; so does one whose settling failed.
#[derive(Debug)]
pub struct Delivery {
    pub wake: Wake,
    pub class: Class,
    /// It was given out before, to us or to somebody else.
    pub redelivered: bool,
    pub(super) acker: Acker,
    /// Keeps the connection open after its consumer has gone.
    pub(super) _channel: lapin::Channel,
}

impl Delivery {
    /// Done with: the broker forgets it.
    ///
    /// # Errors
    /// The connection is lost: the broker gives it out again.
    pub async fn ack(self) -> Result<()> {
        settle("acknowledge", self.acker.ack(BasicAckOptions::default())).await
    }

    /// Back to the queue, for whoever takes it next. The broker counts it; `DELIVERY_LIMIT` times is too often.
    ///
    /// # Errors
    /// As `ack`.
    pub async fn hand_back(self) -> Result<()> {
        reject(&self.acker, true).await
    }
}

pub(super) async fn reject(acker: &Acker, requeue: bool) -> Result<()> {
    settle("reject", acker.reject(BasicRejectOptions { requeue })).await
}

async fn settle(call: &'static str, answer: impl Future<Output = lapin::Result<bool>>) -> Result<()> {
    match within(call, CALL_LIMIT, answer).await? {
        true => Ok(()),
        false => Err(QueueError::Lapsed),
    }
}
