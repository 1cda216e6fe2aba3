//! The scheduler over real servers, which `PINKSYNC_TEST_POSTGRES_URL` and `PINKSYNC_TEST_AMQP_URL` name (`./dev test`
//! starts them). Rounds of loops are called by name; time is driven by writing instants into rows, since the database's
//! clock is the only one.
#![allow(clippy::unwrap_used)]

mod admission;
mod leadership;
mod limits;
mod queue;
mod rescue;
mod retention;
mod schedules;
mod support;
mod windows;
