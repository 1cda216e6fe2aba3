//! The queue against a real RabbitMQ: what is confirmed arrives, what is lost comes back, what is poison is put aside.
#![allow(clippy::unwrap_used)]

mod consuming;
mod dead_letters;
mod publishing;
mod restarts;
mod support;
