//! Parts of the service die, vanish, or say things twice, and sessions still end as if nothing had been.

mod metadata;
mod poison;
mod processes;
mod queue;
mod workers;
