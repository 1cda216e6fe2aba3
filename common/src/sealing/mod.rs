//! Envelope encryption of what the metadata database must not be able to tell, and keys derived from the master key.

mod envelope;
mod key_ring;

pub use envelope::{Context, Unopened, needs_rewrap, open, rewrap, seal};
pub(crate) use key_ring::keyed;
pub use key_ring::{InvalidKeyRing, KeyRing, MasterKey, Purpose, new_key};
