//! What sessions promise, over systems and a home in memory: random histories against an oracle, crashes at every effect,
//! writers beside the session, undo, plans and resolutions. `PINKSYNC_PROPERTY_CASES` is the number of random cases
//! (20,000 if it is not set), `PINKSYNC_PROPERTY_SEED` another beginning for them.
#![allow(clippy::unwrap_used)]

mod contended;
mod crash;
mod guards;
mod histories;
mod oracle;
mod pace;
mod phases;
mod plan;
mod preparing;
mod random;
mod refused;
mod resolve;
mod setup;
mod shared;
mod smoke;
mod undo;
mod variations;
mod verifying;
mod world;
mod writers;
