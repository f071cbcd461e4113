//! Files that are there as a whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

/// Writes a file aside and then puts it in its place: a full disk or Ctrl-C leaves what was there before.
///
/// # Errors
///
/// If that fails. The message names the file.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    NamedTempFile::new_in(folder)
        .and_then(|aside| put(aside, path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the text to a file that was made aside, in the folder of `path`, and puts it there.
///
/// # Errors
///
/// If that fails. Then what was there before stays.
pub fn put(mut aside: NamedTempFile, path: &Path, text: &str) -> io::Result<()> {
    aside.write_all(text.as_bytes())?;
    aside.as_file().sync_all()?;
    // A temporary file is its owner's alone, and this one is for everybody to read.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let everybody = fs::Permissions::from_mode(0o644);
        aside.as_file().set_permissions(everybody)?;
    }
    aside.persist(path)?;
    Ok(())
}

/// Reads a record of JSON; none is there yet if there is no file. `remake` says how to make it anew.
pub(crate) fn read_record<T: DeserializeOwned + Default>(
    path: &Path,
    remake: &str,
) -> anyhow::Result<T> {
    let shown = path.display();
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("{shown} is broken: restore it, or delete it and {remake}")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => anyhow::bail!("cannot read {shown}: {error}"),
    }
}

/// Writes a record of JSON, as a whole or not at all.
pub(crate) fn write_record(path: &Path, record: &impl Serialize) -> anyhow::Result<()> {
    write(path, &(serde_json::to_string_pretty(record)? + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_what_is_in_the_way_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        write(&file, "one").expect("it can be written");
        write(&file, "another").expect("it can be replaced");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "another");

        // A folder of that name cannot be replaced.
        let folder_in_the_way = folder.path().join("folder");
        fs::create_dir(&folder_in_the_way).expect("a folder");
        fs::write(folder_in_the_way.join("inside"), "kept").expect("a file");
        let error = write(&folder_in_the_way, "lost").expect_err("it is in the way");
        assert!(
            format!("{error:#}").starts_with("cannot write "),
            "{error:#}"
        );
        assert!(folder_in_the_way.join("inside").exists());
        // And nothing else is left behind.
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }
}
