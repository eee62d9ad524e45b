//! The system module `file`.
//!
//! Relative paths start from the folder of the file that the code is in. Programs are not trusted: no path leads out
//! of the module, or out of that folder where there is no module, and no link does. A `..` is refused even where it
//! would stay inside.

use std::path::{Component, Path, PathBuf};

use data_encoding::BASE64;

use super::args::{flag, text};
use super::{Failure, Function, Host, Outcome, Volatile};
use crate::value::{Args, Value};
use crate::world::{Query, WorldError};

const fn of(name: &'static str, signature: &'static str, body: super::Body) -> Function {
    Function { module: "file", name, body, signature }
}

const PATH_TO_STR: &str = "(filepath: str) -> str";
const WRITE: &str = "(filepath: str, content: str) -> None";
const MOVE: &str = "(src: str, dest: str) -> None";

/// All members.
pub(super) const FUNCTIONS: &[Function] = &[
    of("abs", PATH_TO_STR, abs),
    of("append", WRITE, |host, args| write(host, args, true)),
    of("cp", MOVE, cp),
    of("current", "() -> str", current),
    of("delete", "(filepath: str) -> None", delete),
    of("exists", "(filepath: str) -> bool", exists),
    of("glob", "(pattern: str) -> [str]", glob),
    of("mkdir", "(directory: str, exists?: bool) -> None", mkdir),
    of("modpath", "() -> str", modpath),
    of("mv", MOVE, mv),
    of("read", PATH_TO_STR, read),
    of("read_env", "(key: str) -> str", read_env),
    of("readbase64", PATH_TO_STR, read_base64),
    of("size", "(filepath: str) -> int", size),
    of("workdir", "() -> str", workdir),
    of("write", WRITE, |host, args| write(host, args, false)),
];

/// Folders nested deeper than this are not copied: a link may make them endless.
const MAX_FOLDERS: usize = 64;

type Result<'v> = Outcome<Value<'v>>;

/// A path as the program wrote it, and where that is.
struct Place<'v> {
    written: &'v str,
    path: PathBuf,
    /// The same without links; `None` where a link leads nowhere.
    real: Option<PathBuf>,
}

impl<'v> Place<'v> {
    /// Where a path is, if the program may use it.
    fn find(host: &dyn Host<'v>, written: &'v str, path: PathBuf) -> Outcome<Self> {
        let mut place = Self { written, path, real: None };
        place.real = match host.world().files().real(&place.path) {
            Ok(real) => Some(real),
            Err(WorldError::NotFound) => None,
            Err(error) => return Err(place.failure("use", &error)),
        };
        if place.real.as_deref().is_some_and(|real| !stays_inside(host, real)) {
            return Err(leads_out(host, written));
        }
        Ok(place)
    }

    /// The path of an argument, if the program may use it.
    fn of(host: &dyn Host<'v>, args: Args<'v>, at: usize, name: &str) -> Outcome<Self> {
        let written = text(args, at, name)?;
        let place = Self::find(host, written, normal(&allowed(host, written)?))?;
        match place.real {
            Some(_) => Ok(place),
            None => {
                Err(place.failure("use", &WorldError::Failed("it is a link that leads nowhere".to_owned())))
            }
        }
    }

    /// The same for a file or folder that is looked at: the result depends on it.
    fn used(host: &mut dyn Host<'v>, args: Args<'v>) -> Outcome<Self> {
        let place = Self::of(host, args, 0, "filepath")?;
        host.asked(Query::Content(place.path.clone()));
        Ok(place)
    }

    fn failure(&self, doing: &str, error: &WorldError) -> Failure {
        format!("cannot {doing} `{}`: {}", self.written, reason(error, "it does not exist")).into()
    }
}

/// Why something could not be done; `absent` says what was not found.
fn reason<'e>(error: &'e WorldError, absent: &'e str) -> &'e str {
    match error {
        WorldError::NotFound => absent,
        WorldError::NotUtf8(_) => "it is not text in UTF-8",
        WorldError::Refused(why) | WorldError::Failed(why) => why,
    }
}

/// The folder that relative paths start from.
fn base<'v>(host: &dyn Host<'v>) -> &'v Path {
    host.current_file().parent().unwrap_or(host.work_dir())
}

/// The absolute path of what a program wrote, which may be a pattern.
fn allowed<'v>(host: &dyn Host<'v>, written: &str) -> Outcome<PathBuf> {
    let base = base(host);
    let path = base.join(written);
    let up = Path::new(written).components().any(|part| part == Component::ParentDir);
    let inside = |root: &Path| path.starts_with(root);
    if up || !(inside(base) || host.module_root().is_some_and(inside)) {
        return Err(leads_out(host, written));
    }
    Ok(path)
}

/// Whether a path without links is one that programs may use.
fn stays_inside(host: &dyn Host<'_>, real: &Path) -> bool {
    let roots = [Some(base(host)), host.module_root()];
    roots.into_iter().flatten().any(|root| {
        let root = host.world().files().real(root);
        root.is_ok_and(|root| real.starts_with(root))
    })
}

fn leads_out(host: &dyn Host<'_>, written: &str) -> Failure {
    let root = match host.module_root() {
        Some(_) => "the module, which is the folder of its `kcl.mod`",
        None => "the folder of the program, which has no `kcl.mod` above it",
    };
    format!("the path `{written}` leads out of {root}").into()
}

/// The path without its `.`, and without what follows from empty parts. A `/` at the end stays: files have none.
fn normal(path: &Path) -> PathBuf {
    let normal: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let written = path.to_string_lossy();
    if written.ends_with('/') || written.ends_with("/.") { normal.join("") } else { normal }
}

fn path_value<'v>(host: &mut dyn Host<'v>, path: &Path) -> Result<'v> {
    host.used_location();
    let text = path.to_str().ok_or_else(|| format!("the path `{}` is not text in UTF-8", path.display()))?;
    Ok(Value::Str(host.arena().alloc_str(text)))
}

fn contents<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Outcome<(Place<'v>, Vec<u8>)> {
    let place = Place::used(host, args)?;
    let bytes = host.world().files().read(&place.path).map_err(|error| place.failure("read", &error))?;
    Ok((place, bytes))
}

fn read<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (place, bytes) = contents(host, args)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| place.failure("read", &WorldError::NotUtf8(error.valid_up_to())))?;
    Ok(Value::Str(host.arena().alloc_str(text)))
}

fn read_base64<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (_, bytes) = contents(host, args)?;
    Ok(Value::Str(host.arena().alloc_str(&BASE64.encode(&bytes))))
}

/// `Undefined` where the variable is not set.
fn read_env<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let key = text(args, 0, "key")?;
    host.volatile(Volatile::Environment);
    let value = host.world().env(key);
    Ok(value.map_or(Value::Undefined, |value| Value::Str(host.arena().alloc_str(&value))))
}

fn exists<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let written = text(args, 0, "filepath")?;
    let place = Place::find(host, written, normal(&allowed(host, written)?))?;
    host.asked(Query::Content(place.path.clone()));
    Ok(Value::Bool(host.world().files().exists(&place.path)))
}

fn size<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let place = Place::used(host, args)?;
    let size = host.world().files().size(&place.path).map_err(|error| place.failure("measure", &error))?;
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn current<'v>(host: &mut dyn Host<'v>, _args: Args<'v>) -> Result<'v> {
    host.used_file_name();
    let path = host.current_file();
    path_value(host, path)
}

fn modpath<'v>(host: &mut dyn Host<'v>, _args: Args<'v>) -> Result<'v> {
    let path = host.module_root().unwrap_or(base(host));
    path_value(host, path)
}

fn workdir<'v>(host: &mut dyn Host<'v>, _args: Args<'v>) -> Result<'v> {
    let path = host.work_dir();
    path_value(host, path)
}

/// The absolute path of something that is there, without links.
fn abs<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let place = Place::used(host, args)?;
    if !host.world().files().exists(&place.path) {
        return Err(place.failure("locate", &WorldError::NotFound));
    }
    path_value(host, place.real.as_deref().unwrap_or(&place.path))
}

/// What is found behind a link that leads out is left out.
fn glob<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let written = text(args, 0, "pattern")?;
    let path = allowed(host, written)?;
    let place = Place::find(host, written, fixed_part(&path))?;
    if Path::new(written).is_absolute() {
        host.used_location();
    }
    host.asked(Query::Glob(base(host).to_owned(), written.to_owned()));
    let pattern = whole_pattern(base(host), written);
    let found = host.world().files().glob(&pattern).map_err(|error| place.failure("search for", &error))?;
    let mut values = Vec::with_capacity(found.len());
    for path in &found {
        let folder = path.parent().map(|folder| host.world().files().real(folder));
        if !folder.is_some_and(|folder| folder.is_ok_and(|folder| stays_inside(host, &folder))) {
            continue;
        }
        values.push(path_value(host, path)?);
    }
    Ok(Value::List(host.arena().alloc_slice_copy(&values)))
}

/// A pattern that starts in a folder, from the root. What the folder is called has no meaning as a pattern.
#[must_use]
pub fn whole_pattern(base: &Path, written: &str) -> String {
    if Path::new(written).is_absolute() {
        return written.to_owned();
    }
    let mut pattern = String::new();
    for char in base.to_string_lossy().chars() {
        match char {
            '?' | '*' | '[' | ']' => pattern.extend(['[', char, ']']),
            _ => pattern.push(char),
        }
    }
    if !pattern.ends_with('/') {
        pattern.push('/');
    }
    pattern + written
}

/// The parts of a pattern before the first that has wildcards.
fn fixed_part(pattern: &Path) -> PathBuf {
    let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['?', '*', '[']);
    normal(&pattern.components().take_while(plain).collect::<PathBuf>())
}

fn write<'v>(host: &mut dyn Host<'v>, args: Args<'v>, append: bool) -> Result<'v> {
    let place = Place::of(host, args, 0, "filepath")?;
    let content = text(args, 1, "content")?;
    host.volatile(Volatile::SideEffect);
    let written = host.world().files().write(&place.path, content.as_bytes(), append);
    written.map(|()| Value::None).map_err(|error| {
        format!("cannot write `{}`: {}", place.written, reason(&error, "its folder does not exist")).into()
    })
}

/// A file in the way is no failure where the program says that something may be there.
fn mkdir<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let place = Place::of(host, args, 0, "directory")?;
    host.volatile(Volatile::SideEffect);
    let files = host.world().files();
    match files.mkdir(&place.path) {
        Ok(()) => Ok(Value::None),
        Err(WorldError::Failed(_)) if flag(args, 1, "exists") && files.exists(&place.path) => Ok(Value::None),
        Err(error) => Err(place.failure("make the folder", &error)),
    }
}

/// Folders are not deleted.
fn delete<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let place = Place::of(host, args, 0, "filepath")?;
    host.volatile(Volatile::SideEffect);
    if host.world().folder(&place.path).is_some() {
        return Err(place.failure("delete", &WorldError::Failed("it is a folder".to_owned())));
    }
    let deleted = host.world().files().delete(&place.path);
    deleted.map(|()| Value::None).map_err(|error| place.failure("delete", &error))
}

fn mv<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (from, to) = (Place::of(host, args, 0, "src")?, Place::of(host, args, 1, "dest")?);
    host.volatile(Volatile::SideEffect);
    let moved = host.world().files().rename(&from.path, &to.path);
    moved.map(|()| Value::None).map_err(|error| transfer_failure(host, "move", [&from, &to], &error))
}

fn transfer_failure(
    host: &dyn Host<'_>,
    doing: &str,
    places: [&Place<'_>; 2],
    error: &WorldError,
) -> Failure {
    let [from, to] = places;
    let from_exists = host.world().files().exists(&from.path);
    let absent = if from_exists { "the target folder does not exist" } else { "the source does not exist" };
    format!("cannot {doing} `{}` to `{}`: {}", from.written, to.written, reason(error, absent)).into()
}

/// Folders are copied with all that is in them, unless a link leads out.
fn cp<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (from, to) = (Place::of(host, args, 0, "src")?, Place::of(host, args, 1, "dest")?);
    host.volatile(Volatile::SideEffect);
    let inside_itself = host.world().folder(&from.path).is_some() && to.path.starts_with(&from.path);
    let copied = if inside_itself {
        Err(WorldError::Failed("a folder cannot be copied into itself".to_owned()))
    } else {
        copy(host, &from.path, &to.path, MAX_FOLDERS)
    };
    copied.map(|()| Value::None).map_err(|error| transfer_failure(host, "copy", [&from, &to], &error))
}

fn copy(host: &dyn Host<'_>, from: &Path, to: &Path, depth: usize) -> std::result::Result<(), WorldError> {
    let (world, files) = (host.world(), host.world().files());
    if !stays_inside(host, &files.real(from)?) {
        return Err(WorldError::Failed("a link in it leads out of the module".to_owned()));
    }
    let Some(names) = world.folder(from) else { return files.copy(from, to) };
    let Some(depth) = depth.checked_sub(1) else {
        return Err(WorldError::Failed("the folders are nested too deeply".to_owned()));
    };
    files.mkdir(to)?;
    names.iter().try_for_each(|name| copy(host, &from.join(name), &to.join(name), depth))
}
