//! A folder that mirrors what was handed over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Context, Item, Outcome, Target};
use crate::build::write_file;
use crate::monorepo::konfig_yaml::DirectorySettings;
use crate::monorepo::{paths, plain};

/// A folder.
pub(super) struct Mirror<'a> {
    folder: PathBuf,
    context: &'a Context<'a>,
}

impl<'a> Mirror<'a> {
    pub(super) fn new(settings: &DirectorySettings, context: &'a Context<'a>) -> Self {
        Self { folder: paths::join(context.root, &settings.path), context }
    }

    fn one(&self, item: &Item<'_>) -> Result<(), String> {
        for file in &item.rendered.files {
            let path = self.place(&file.path)?;
            let told = |error: io::Error| format!("cannot write `{}`: {}", file.path, plain(&error));
            if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink()) {
                fs::remove_file(&path).map_err(told)?;
            }
            write_file(&path, file.text.as_bytes()).map_err(told)?;
        }
        item.gone.iter().try_for_each(|path| self.remove(path))
    }

    /// Where a file goes. No link on the way is followed, so that it stays below the folder.
    fn place(&self, path: &str) -> Result<PathBuf, String> {
        if !paths::is_inside(path) {
            return Err(format!("`{}` would be outside of the folder", path.escape_debug()));
        }
        let place = self.folder.join(path);
        let inner = place.ancestors().skip(1).take_while(|above| *above != self.folder);
        match inner.into_iter().find(|above| is_link(above)) {
            Some(link) => Err(format!("`{}` is a link, which is not followed", link.display())),
            None => Ok(place),
        }
    }

    /// Deletes a file, and the folders above it that are empty then.
    fn remove(&self, path: &str) -> Result<(), String> {
        let place = self.place(path)?;
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("cannot delete `{path}`: {}", plain(&error)));
            }
            _ => {}
        }
        for above in place.ancestors().skip(1).take_while(|above| *above != self.folder) {
            // A folder that is not empty stays, and so do those above it.
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
        Ok(())
    }
}

impl Target for Mirror<'_> {
    fn hand_over(&self, items: &[Item<'_>], tell: &(dyn Fn(usize, Outcome) + Sync)) {
        self.context.each(items.len(), &|at| match self.one(&items[at]) {
            Ok(()) => tell(at, Outcome::Done(String::new())),
            Err(why) => tell(at, Outcome::failed(why)),
        });
    }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}
