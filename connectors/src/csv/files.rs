//! A side's files, as far as they may be used.

use pinksync_engine::Result;

use super::client::{self, Place};
use super::config::Root;
use crate::origin::Permit;

pub struct Files {
    pub root: Root,
    pub permit: Permit,
}

impl Files {
    /// As of [`client::find`], with the links of the path followed.
    ///
    /// # Errors
    /// Also where the file, or the folder that it would be made in, may not be used.
    pub fn find(&self, dataset: &str) -> Result<(String, Place)> {
        let (name, place) = client::find(&self.root, dataset)?;
        let place = match place {
            Place::There(path) => Place::There((self.permit)(&path)?),
            Place::Missing(path) => Place::Missing((self.permit)(&path)?),
        };
        Ok((name, place))
    }
}
