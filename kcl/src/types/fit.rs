//! Whether a value may stand where a type is expected: the check that reports.

use std::sync::Arc;

use syntax::{Code, Span};

use super::checker::Checker;
use super::ty::{DictType, Place, SchemaType, Type};

impl Checker<'_> {
    /// The value has to fit; the place is where the expected type is declared.
    pub(super) fn must_fit(&mut self, ty: &Type, expected: &Type, span: Span, place: Option<Place>) {
        if !self.fits(ty, expected, span) {
            let (got, wanted) = (self.table.show(ty), self.table.show(expected));
            let problem = self.problem(Code::Type, span, format!("expected `{wanted}`, got `{got}`"));
            self.problems.push(self.note(problem, place, format!("`{wanted}` is declared here")));
        }
    }

    /// Dicts fit schemas as far as can be told; what cannot is told when the program runs.
    fn fits(&mut self, ty: &Type, expected: &Type, span: Span) -> bool {
        match (ty, expected) {
            (Type::List(item), Type::List(expected)) => self.fits(item, expected, span),
            (Type::Dict(dict), Type::Dict(expected)) => {
                self.fits(&dict.key, &expected.key, span) && self.fits(&dict.value, &expected.value, span)
            }
            (Type::Dict(dict), Type::Schema(id, _)) => {
                if let Some(schema) = self.table.schema(*id) {
                    self.dict_fits_schema(dict, schema, span);
                }
                true
            }
            (Type::Union(members), _) => members.iter().all(|member| self.fits(member, expected, span)),
            (_, Type::Union(members)) => members.iter().any(|member| self.fits(ty, member, span)),
            _ => self.table.assignable(ty, expected),
        }
    }

    fn dict_fits_schema(&mut self, dict: &Arc<DictType>, schema: &SchemaType, span: Span) {
        let Some(index) = &schema.index else {
            if let Type::StrLit(key) = &dict.key
                && let Some((name, attr)) = dict.attrs.iter().find(|(name, _)| name.as_str() == key.as_str())
                && let Some(expected) = schema.attrs.get(name)
            {
                self.must_fit(&attr.ty, &expected.ty, span, Some(expected.place));
            }
            return;
        };
        if dict.attrs.is_empty() {
            let pairs = matches!((&dict.key, &dict.value), (Type::Union(_), Type::Union(_)));
            if !pairs && !self.fits(&dict.value, &index.value, span) {
                let (got, wanted) = (self.table.show(&dict.value), self.table.show(&index.value));
                self.report(Code::Type, span, format!("expected values of the type `{wanted}`, got `{got}`"));
            }
            return;
        }
        for (name, attr) in dict.attrs.iter() {
            match schema.attrs.get(name).filter(|_| index.any_other) {
                Some(expected) => self.must_fit(&attr.ty, &expected.ty, span, Some(expected.place)),
                None => {
                    let own = attr.place.package == self.package.id;
                    let here = if own { attr.place.file as usize } else { self.file };
                    let file = std::mem::replace(&mut self.file, here);
                    let at = if own { attr.place.span } else { span };
                    self.must_fit(&attr.ty, &index.value, at, None);
                    self.file = file;
                }
            }
        }
    }
}
