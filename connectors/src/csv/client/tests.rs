//! Names of datasets and the files they stand for.

use std::io::Write;

use super::*;

fn folder(files: &[&str]) -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    for file in files {
        fs::create_dir_all(path.join(file).parent().unwrap()).unwrap();
        fs::write(path.join(file), "id\n").unwrap();
    }
    (folder, Root::Folder(path))
}

fn there(root: &Root, name: &str) -> String {
    match find(root, name).unwrap().1 {
        Place::There(path) => path.strip_prefix(root.path()).unwrap().to_string_lossy().into_owned(),
        Place::Missing(path) => panic!("{} is missing", path.display()),
    }
}

#[test]
fn datasets_are_the_files_below_the_folder() {
    let (_folder, root) =
        folder(&["b.csv", "a.csv.gz", "sub/c.csv", "both.csv", "both.csv.zst", "no.txt", ".hidden.csv"]);
    assert_eq!(names(&root).unwrap(), ["a", "b", "both.csv", "both.csv.zst", "sub/c"]);
    for name in names(&root).unwrap() {
        there(&root, &name);
    }
}

#[test]
fn a_name_may_leave_the_ending_out_or_be_a_pattern_for_one_file() {
    let (_folder, root) = folder(&["b.csv", "a.csv.gz", "export-2024.csv", "both.csv", "both.csv.gz", "no.txt"]);
    for (name, file) in
        [("b", "b.csv"), ("b.csv", "b.csv"), ("a", "a.csv.gz"), ("no.txt", "no.txt"), ("export-*", "export-2024.csv")]
    {
        assert_eq!(there(&root, name), file, "{name}");
    }
    for name in ["both", "*.csv", "x*", "../b.csv", "/etc/passwd", ""] {
        assert_eq!(find(&root, name).unwrap_err().kind(), ErrorKind::Definition, "{name}");
    }
    let missing = |name: &str| match find(&root, name).unwrap().1 {
        Place::Missing(path) => path.file_name().unwrap().to_string_lossy().into_owned(),
        Place::There(path) => panic!("{} is there", path.display()),
    };
    assert_eq!(missing("public.customers"), "public.customers.csv");
    assert_eq!(missing("new.csv.gz"), "new.csv.gz");
}

#[test]
fn a_single_file_needs_no_name() {
    let (_folder, root) = folder(&["b.csv"]);
    let single = Root::File(root.path().join("b.csv"));
    assert_eq!(names(&single).unwrap(), ["b"]);
    for name in ["", "b", "b.csv"] {
        assert_eq!(find(&single, name).unwrap(), ("b".to_owned(), Place::There(root.path().join("b.csv"))));
    }
    assert_eq!(find(&single, "other").unwrap_err().kind(), ErrorKind::Definition);
    let gone = Root::Folder(root.path().join("nowhere"));
    assert_eq!(find(&gone, "b").unwrap_err().kind(), ErrorKind::Storage);
    assert_eq!(names(&gone).unwrap_err().kind(), ErrorKind::Storage);
}

#[test]
fn compressed_files_are_read_to_the_end_with_one_hash() {
    let folder = tempfile::tempdir().unwrap();
    let content = "id,name\n".repeat(50_000);
    let gz = folder.path().join("a.csv.gz");
    // Two members, as `cat a.gz b.gz` makes them.
    let mut bytes = Vec::new();
    for half in content.as_bytes().chunks(content.len() / 2) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(half).unwrap();
        bytes.extend(encoder.finish().unwrap());
    }
    fs::write(&gz, &bytes).unwrap();
    let zst = folder.path().join("a.csv.zst");
    fs::write(&zst, zstd::encode_all(content.as_bytes(), 1).unwrap()).unwrap();
    let plain = folder.path().join("a.csv");
    fs::write(&plain, &content).unwrap();
    for path in [gz, zst, plain] {
        let file = DataFile::new(&path);
        let (mut input, fingerprint) = file.open().unwrap();
        let mut text = String::new();
        input.read_to_string(&mut text).unwrap();
        assert!(text == content, "{}", path.display());
        // The hash is that of the raw bytes, in whatever pieces they were read.
        let mut hasher = DefaultHasher::new();
        fs::read(&path).unwrap().chunks(7).for_each(|piece| hasher.write(piece));
        assert_eq!(input.finish().unwrap(), hasher.finish());
        assert_eq!(file.fingerprint(), Some(fingerprint));
    }
}
