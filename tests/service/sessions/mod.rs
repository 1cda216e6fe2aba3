//! Sessions from their submission to their end.

mod conflicts;
mod first_load;
mod follow_ups;
mod interrupted;
mod systems;
