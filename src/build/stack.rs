//! One stack: reused where that is proven, else evaluated.

use std::fs;
use std::path::{Path, PathBuf};

use cache::Digest;
use kcl::resolve::Main;
use kcl::world::{Query, Recorder, World};

use super::ahead::{self, Ahead};
use super::compile::{Compiled, Format, Ready, Shared, Sound, evaluate, prepare_known};
use super::profile::{Step, timed};
use super::reuse::{Doubt, Program, Records, Reuse, SameCode};
use super::survey::Rest;
use super::{BuildRequest, Failure, Finished, GOLDEN, Goal, Outcome, Remarks, golden, outputs};
use crate::monorepo::answers::{Answer, Stamp};
use crate::monorepo::{CompileUnit, DiskWorld, Problem, ProblemKind, Stack, StackId, plain};

/// The build of a stack.
pub(super) struct Job<'a> {
    shared: &'a Shared<'a>,
    request: &'a BuildRequest<'a>,
    reuse: Option<&'a Reuse<'a>>,
    id: StackId,
    stack: &'a Stack,
    folder: PathBuf,
    /// What it may import, where there are threads that have no stack to work on.
    ahead: Option<&'a Ahead>,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        request: &'a BuildRequest<'a>,
        reuse: Option<&'a Reuse<'a>>,
        id: StackId,
        ahead: Option<&'a Ahead>,
    ) -> Self {
        let stack = request.monorepo.stack(id);
        Self { shared, request, reuse, id, stack, folder: request.monorepo.folder(stack), ahead }
    }

    pub(super) fn run(&self, records: &Records) -> Finished {
        if let (Some(reuse), Some(rest), false) = (self.reuse, self.unmoved(), self.is_audited())
            && let Some(finished) = self.restore(reuse, rest.artifact())
        {
            return finished;
        }
        let unchanged = self.timed(Step::Compare, || {
            self.reuse.and_then(|reuse| reuse.unchanged(self.stack, &self.folder, records, self.own()))
        });
        if !self.is_audited()
            && let (Some(reuse), Some(artifact)) = (self.reuse, unchanged)
            && let Some(finished) = self.restore(reuse, artifact)
        {
            return finished;
        }
        let same = self.same_code(records);
        if let Some(finished) = self.with_same_packages(&same) {
            return finished;
        }
        let recorder = Recorder::new(self.shared.world);
        let root = &self.request.monorepo.root;
        let unit = self.timed(Step::Settings, || {
            CompileUnit::of_stack(&recorder, self.request.store, root, &self.folder)
        });
        let unit = match unit {
            Ok(unit) => unit,
            Err(problem) => return self.failed(Failure::Monorepo(vec![problem])),
        };
        self.read_ahead(records);
        let known = |main: &Main| self.sound(main, records, &same);
        let ready = match prepare_known(self.shared, &unit, self.shared.world, known, self.ahead.is_some()) {
            Ok(ready) => ready,
            Err(problems) => return self.failed(Failure::Program(problems, unit.missing)),
        };
        let Some(reuse) = self.reuse else { return self.evaluated(&unit, &ready, |_, _| ()).0 };
        let queries = sorted(recorder.finish(), &ready.main.package.queries);
        let program = self.timed(Step::Prove, || reuse.program(&unit, &ready, &queries));
        self.with_program(reuse, &program, records, unchanged)
    }

    /// What records tell of the types of a program that is loaded.
    fn sound(&self, main: &Main, records: &Records, same: &SameCode<'_>) -> Sound {
        if same.is_known() {
            return Sound::All;
        }
        let reuse = self.reuse.filter(|_| !self.is_audited());
        let imports = reuse.is_some_and(|it| self.timed(Step::Prove, || it.has_sound_imports(main, records)));
        if imports { Sound::Imports } else { Sound::Nothing }
    }

    /// Reads what the stack imported last time with the threads that have nothing else to do.
    fn read_ahead(&self, records: &Records) {
        let Some((reuse, ahead)) = self.reuse.zip(self.ahead) else { return };
        if ahead.is_empty() {
            ahead::read_all(reuse, &reuse.sources(records));
        } else {
            ahead.read(reuse);
        }
    }

    /// What is known of the code of its own files; nothing where that is to be found out.
    fn same_code<'r>(&self, records: &'r Records) -> SameCode<'r> {
        let reuse = self.reuse.filter(|_| !self.is_audited());
        let same =
            reuse.map(|reuse| self.timed(Step::Prove, || reuse.same_code(&self.folder, records, self.own())));
        same.unwrap_or_default()
    }

    /// A stack whose own files need not be parsed.
    fn with_same_packages(&self, same: &SameCode<'_>) -> Option<Finished> {
        let reuse = self.reuse.filter(|_| same.is_known())?;
        let BuildRequest { store, monorepo, .. } = self.request;
        let unit = || CompileUnit::of_stack(self.shared.world, store, &monorepo.root, &self.folder).ok();
        let proof = || reuse.same_packages(self.stack, &self.folder, same, unit);
        self.restore(reuse, self.timed(Step::Prove, proof)?)
    }

    /// A stack whose program is loaded: reused if it means the same as before.
    fn with_program(
        &self,
        reuse: &Reuse<'_>,
        program: &Program<'_>,
        records: &Records,
        unchanged: Option<Digest>,
    ) -> Finished {
        let proof =
            self.timed(Step::Prove, || reuse.same_meaning(self.stack, &self.folder, records, program));
        let expected = unchanged.or(proof.as_ref().ok().copied());
        let mut unless_refused = None;
        let reason = match proof {
            Ok(proof) if !self.is_audited() => match self.restore(reuse, proof) {
                Some(mut finished) => {
                    finished.remarks_mut().warnings.clone_from(&program.ready.warnings);
                    return finished;
                }
                None => Some(super::Reason::Lost),
            },
            Ok(_) => None,
            Err(doubt) => {
                let Doubt { reason, unless_refused: digest } = doubt;
                unless_refused = digest;
                Some(reason)
            }
        };
        let is_wrong = |compiled: &Compiled, digest: Digest| {
            self.is_audited() && compiled.trace.volatile.is_empty() && expected.is_some_and(|it| it != digest)
        };
        let keep = |compiled: &Compiled, digest: Option<Digest>| {
            if let Some(digest) = digest.filter(|digest| !is_wrong(compiled, *digest)) {
                let result = (digest, compiled);
                self.timed(Step::Keep, || {
                    reuse.keep_evaluated(self.stack, &self.folder, records, program, result);
                });
            }
        };
        let (mut finished, compiled) = self.evaluated(program.unit, program.ready, keep);
        finished.remarks_mut().reason = reason;
        let Some((compiled, Some(digest))) = compiled else { return finished };
        if is_wrong(&compiled, digest) {
            let missing = reuse.missing(&self.folder, records, program, &compiled.trace);
            finished.outcome = Outcome::Failed(Failure::Audit(missing).into());
            return finished;
        }
        if let Outcome::Built { changed } = finished.outcome
            && unless_refused == Some(digest)
        {
            finished.outcome = Outcome::Checked { changed };
        }
        finished.with_artifact(digest)
    }

    /// Evaluates the program, delivers its document and has it kept; the document too, unless there is none, with its digest where
    /// somebody will ask for it.
    fn evaluated(
        &self,
        unit: &CompileUnit,
        ready: &Ready,
        keep: impl FnOnce(&Compiled, Option<Digest>) + Send,
    ) -> (Finished, Option<(Compiled, Option<Digest>)>) {
        match evaluate(self.shared, unit, ready, Format::Yaml) {
            Err(problems) => (self.failed(Failure::Program(problems, unit.missing.clone())), None),
            Ok(mut compiled) => {
                let replaced = self.replaced();
                let is_asked_for = self.reuse.is_some() || self.request.journal.is_some();
                let digest = is_asked_for.then(|| Digest::of(compiled.text.as_bytes()));
                let printed = std::mem::take(&mut compiled.printed);
                let deliver = || self.deliver(&compiled.text, digest);
                let keep = || keep(&compiled, digest);
                let (outcome, ()) =
                    if self.ahead.is_some() { rayon::join(deliver, keep) } else { (deliver(), keep()) };
                let remarks = Remarks {
                    printed,
                    warnings: ready.warnings.clone(),
                    reason: None,
                    volatile: compiled.trace.volatile.clone(),
                    text: self.is_kept().then(|| compiled.text.clone()),
                    replaced: replaced.filter(|_| matches!(outcome, Outcome::Built { changed: true })),
                };
                let mut finished = Finished::quiet(self.id, outcome);
                finished.remarks = Some(Box::new(remarks));
                (finished, Some((compiled, digest)))
            }
        }
    }

    /// Whether the report has the artifact, since it is not written.
    fn is_kept(&self) -> bool {
        self.request.keep && self.request.goal == Goal::Digest
    }

    /// What stands where the artifact goes, if somebody wants to know.
    fn replaced(&self) -> Option<String> {
        match &self.request.goal {
            Goal::Write(out) if self.request.keep => fs::read_to_string(out.join(self.stack.artifact())).ok(),
            Goal::Write(_) | Goal::Check | Goal::Digest => None,
        }
    }

    fn failed(&self, failure: Failure) -> Finished {
        Finished::failed(self.id, failure)
    }

    fn deliver(&self, text: &str, digest: Option<Digest>) -> Outcome {
        self.timed(Step::Deliver, || match &self.request.goal {
            Goal::Write(out) => self.write(&out.join(self.stack.artifact()), text.as_bytes(), digest),
            Goal::Check => check(self.shared.world, &self.folder.join(GOLDEN), text),
            Goal::Digest => Outcome::Built { changed: false },
        })
    }

    fn timed<T>(&self, step: Step, work: impl FnOnce() -> T) -> T {
        timed(self.shared.profile, step, work)
    }

    /// Brings an artifact back that is known by its digest; `None` where it is lost.
    fn restore(&self, reuse: &Reuse<'_>, digest: Digest) -> Option<Finished> {
        let text = || String::from_utf8(reuse.artifact(&digest)?).ok();
        let mut finished = Finished::quiet(self.id, Outcome::Reused { changed: false });
        match &self.request.goal {
            Goal::Write(out) => {
                let path = out.join(self.stack.artifact());
                if !self.is_intact(&path, digest) {
                    let (bytes, replaced) = (reuse.artifact(&digest)?, self.replaced());
                    finished.outcome = match self.write(&path, &bytes, Some(digest)) {
                        Outcome::Built { changed } => Outcome::Reused { changed },
                        other => other,
                    };
                    if replaced.is_some() {
                        finished.remarks_mut().replaced = replaced;
                    }
                }
            }
            Goal::Check => {
                finished.outcome = check(self.shared.world, &self.folder.join(GOLDEN), &text()?);
            }
            Goal::Digest if self.is_kept() => finished.remarks_mut().text = Some(text()?),
            Goal::Digest => {}
        }
        Some(finished.with_artifact(digest))
    }

    /// What the stack itself asked and would be answered again, as far as the survey has seen.
    fn own(&self) -> Option<Answer> {
        self.request.sweep?.asked(&self.stack.path)
    }

    /// What the stack rests on, if it is known to come out as it did.
    fn unmoved(&self) -> Option<&'a Rest> {
        self.request.sweep?.proven(&self.stack.path, &self.request.regrouped)
    }

    /// Writes an artifact; its digest is needed where it is announced.
    fn write(&self, path: &Path, bytes: &[u8], digest: Option<Digest>) -> Outcome {
        match outputs::write_artifact(path, bytes, self.request.journal.zip(digest)) {
            Ok(changed) => Outcome::Built { changed },
            Err(error) => Outcome::Failed(Failure::Write(plain(&error)).into()),
        }
    }

    /// Whether a file has the digest of an artifact; one that has not moved since it had it is not read.
    fn is_intact(&self, path: &Path, digest: Digest) -> bool {
        match self.request.artifacts.get(path.as_os_str()) {
            Some((Some(stamp), known)) if *known == digest && Stamp::of(path) == Some(*stamp) => true,
            _ => fs::read(path).is_ok_and(|bytes| Digest::of(&bytes) == digest),
        }
    }

    /// Whether the stack belongs to the sample that is evaluated all the same: spread evenly, and the same on each run.
    fn is_audited(&self) -> bool {
        let chance = Digest::of(self.stack.path.as_bytes()).as_bytes()[0];
        u16::from(chance) * 100 < u16::from(self.request.audit) * 256
    }
}

fn sorted(mut queries: Vec<Query>, more: &[Query]) -> Vec<Query> {
    queries.extend_from_slice(more);
    queries.sort_unstable();
    queries.dedup();
    queries
}

fn check(world: &DiskWorld, golden: &Path, text: &str) -> Outcome {
    if !world.is_file(golden) {
        return Outcome::NoGolden;
    }
    let expected = match fs::read_to_string(golden) {
        Ok(expected) => expected,
        Err(error) => {
            let kind = ProblemKind::Unreadable(error.to_string());
            return Outcome::Failed(Failure::Monorepo(vec![Problem::new(kind, golden)]).into());
        }
    };
    match golden::compare(&expected, text) {
        Ok(None) => Outcome::Same,
        Ok(Some(difference)) => Outcome::Failed(Failure::Differs(difference).into()),
        Err(why) => Outcome::Failed(Failure::BadGolden(why).into()),
    }
}
