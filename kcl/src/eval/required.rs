//! Whether instances have what their schemas require.

use std::sync::Arc;

use syntax::{Code, Diagnostic};

use super::Run;
use super::instance::may_hold;
use crate::lower::code::Layout;
use crate::stdlib::{Failure, Outcome};
use crate::value::{Dict, Instance, Key, Value};

impl<'r> Run<'r> {
    /// Every required attribute is set, in the instances inside too.
    pub(super) fn check_required(&self, value: Value<'r>) -> Outcome<()> {
        match value {
            Value::List(items) => {
                let mut inner = items.iter().filter(|item| may_hold(**item));
                inner.try_for_each(|item| self.check_required(*item))
            }
            Value::Dict(dict) => self.check_required_in(&dict.quietly()),
            Value::Instance(instance) if instance.complete.get() => Ok(()),
            Value::Instance(instance) => {
                if let Some(code) = self.schema_code(instance.schema.id) {
                    self.check_own_required(instance, self.layout(code)?)?;
                }
                self.check_required_in(instance.quietly())?;
                instance.complete.set();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_required_in(&self, dict: &Dict<'r>) -> Outcome<()> {
        let mut inner = dict.entries().iter().map(|entry| entry.value).filter(|value| may_hold(*value));
        inner.try_for_each(|value| self.check_required(value))
    }

    fn check_own_required(&self, instance: &'r Instance<'r>, layout: &'r Layout) -> Outcome<()> {
        let attrs = instance.quietly();
        let set = |(key, slot): &(Key<'_>, u32)| {
            let entry = attrs.entries().get(*slot as usize).filter(|entry| entry.key == *key);
            entry.or_else(|| attrs.entry(*key)).is_some_and(|entry| !entry.value.is_nothing())
        };
        let Some((missing, _)) = layout.required.iter().find(|required| !set(required)) else {
            return Ok(());
        };
        let (source, span) = instance.place.unwrap_or(self.place);
        let message = format!(
            "attribute '{}' of {} is required and can't be None or Undefined",
            missing.as_str(),
            instance.schema.name
        );
        let missing = Diagnostic::new(Code::Evaluation, source, span, message);
        let (now, at) = self.place;
        let here = Arc::ptr_eq(now, source) && at.start == span.start;
        let missing = if here { missing } else { missing.note(now, at, "the instance is made for this") };
        Err(Failure::At(Box::new(self.with_config(missing, instance))))
    }
}
