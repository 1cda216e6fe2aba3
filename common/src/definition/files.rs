//! Which files a connection may name: those below the roots that the operator allows.

use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// Why a path is not allowed.
#[derive(Debug, thiserror::Error)]
pub enum ForbiddenPath {
    #[error("the path is not absolute: begin it with `/`")]
    NotAbsolute,
    #[error("the path contains `..`: write it without")]
    Parent,
    /// Whether there is such a file is not told.
    #[error(
        "the path is not below a folder that this service may use: the operator names those in PINKSYNC_FILE_ROOTS"
    )]
    Outside,
    #[error("the path cannot be looked at")]
    Unreadable(#[source] io::Error),
}

/// The path with all symbolic links followed, if it lies below one of the roots. What does not exist yet is judged by its
/// nearest folder that does. Checked when it is used, by who uses it; the roots are for the operator alone to write
/// links in.
///
/// # Errors
/// It is relative, or leads elsewhere, or a link on its way leads nowhere.
pub fn allowed_path(path: &Path, roots: &[PathBuf]) -> Result<PathBuf, ForbiddenPath> {
    if !path.is_absolute() {
        return Err(ForbiddenPath::NotAbsolute);
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(ForbiddenPath::Parent);
    }
    let real = follow(path).map_err(|error| match roots.iter().any(|root| path.starts_with(root)) {
        true => ForbiddenPath::Unreadable(error),
        false => ForbiddenPath::Outside,
    })?;
    let is_inside = roots.iter().filter_map(|root| root.canonicalize().ok()).any(|root| real.starts_with(root));
    if is_inside { Ok(real) } else { Err(ForbiddenPath::Outside) }
}

/// Follows the links of the longest part that exists. A link that leads nowhere exists and cannot be followed: a file
/// made through it would be made elsewhere.
fn follow(path: &Path) -> io::Result<PathBuf> {
    for existing in path.ancestors() {
        match existing.symlink_metadata() {
            Ok(_) => {
                let mut real = existing.canonicalize()?;
                real.extend(path.strip_prefix(existing).into_iter().flatten());
                return Ok(real);
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_lies_below_a_root_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        let (root, outside) = (top.join("root"), top.join("outside"));
        fs::create_dir_all(root.join("in")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::create_dir_all(top.join("root2")).unwrap();
        fs::write(root.join("in/a.csv"), "").unwrap();
        fs::write(outside.join("b.csv"), "").unwrap();
        symlink(&outside, root.join("out")).unwrap();
        symlink(outside.join("b.csv"), root.join("b.csv")).unwrap();
        symlink(outside.join("new.csv"), root.join("new.csv")).unwrap();
        symlink(root.join("in"), root.join("within")).unwrap();
        let roots = [root.clone(), top.join("missing")];
        for (path, expected) in
            [("", ""), ("in/a.csv", "in/a.csv"), ("in/new/c.csv", "in/new/c.csv"), ("within/a.csv", "in/a.csv")]
        {
            assert_eq!(allowed_path(&root.join(path), &roots).unwrap(), root.join(expected));
        }
        for path in ["out", "out/b.csv", "out/new.csv", "b.csv"] {
            let refused = allowed_path(&root.join(path), &roots);
            assert!(matches!(refused, Err(ForbiddenPath::Outside)), "{path}: {refused:?}");
        }
        for path in [&outside, &top, &top.join("root2"), &outside.join("no"), Path::new("/etc/passwd"), Path::new("/")]
        {
            let refused = allowed_path(path, &roots);
            assert!(matches!(refused, Err(ForbiddenPath::Outside)), "{path:?}: {refused:?}");
        }
        assert!(matches!(allowed_path(&root.join("new.csv"), &roots), Err(ForbiddenPath::Unreadable(_))));
        assert!(matches!(allowed_path(&root.join("in/../in/a.csv"), &roots), Err(ForbiddenPath::Parent)));
        assert!(matches!(allowed_path(Path::new("in/a.csv"), &roots), Err(ForbiddenPath::NotAbsolute)));
        assert!(matches!(allowed_path(&root.join("in/a.csv"), &[]), Err(ForbiddenPath::Outside)));
    }

    #[test]
    fn a_root_may_itself_be_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        fs::create_dir(top.join("real")).unwrap();
        symlink(top.join("real"), top.join("link")).unwrap();
        let allowed = allowed_path(&top.join("link/a.csv"), &[top.join("link")]).unwrap();
        assert_eq!(allowed, top.join("real/a.csv"));
    }
}
