//! The kernel a product is built on: what is known of the kernel holds for the product too.

use super::{Catalog, Note};
use crate::facts::{Family, Product};
use crate::version::{Line, ProductVersion};

/// The product whose catalog tells of the kernel others are built on; `None` for the kernel itself and for products
/// without one.
pub(super) fn of(product: Product) -> Option<Product> {
    match product.family() {
        Family::Confluence => None,
        Family::Carbon => (product != Product::Wso2Carbon).then_some(Product::Wso2Carbon),
    }
}

impl Catalog {
    /// The kernel of a release: itself when this is the catalog of the kernel; `None` when it is not known.
    #[must_use]
    pub fn kernel_of(&self, version: &ProductVersion) -> Option<ProductVersion> {
        if self.product == Product::Wso2Carbon {
            return Some(version.clone());
        }
        self.release(version)?.kernel.clone()
    }

    /// Notes on the kernel that stand between two releases of it, for a product on it.
    pub fn kernel_notes<'a>(
        &'a self,
        from: &'a ProductVersion,
        to: &'a ProductVersion,
    ) -> impl Iterator<Item = &'a Note> {
        let notes = self.kernel.iter().flat_map(|kernel| kernel.notes.iter());
        notes.filter(|note| !note.is_of_every_release()).filter(move |note| note.lies_between(from, to))
    }

    /// Notes on every upgrade of whatever is built on the kernel.
    pub fn notes_on_every_upgrade(&self) -> impl Iterator<Item = &Note> {
        self.kernel.iter().flat_map(|kernel| kernel.notes.iter()).filter(|note| note.is_of_every_release())
    }

    /// The catalog of the kernel, with the kernel's line a line of this product is built on: that of its newest release.
    pub(super) fn of_kernel(&self, line: Line) -> Option<(&Self, Line)> {
        let kernel = self.kernel.as_deref()?;
        let of_line = self.releases.iter().filter(|release| release.version.line() == line);
        let version = of_line.rev().find_map(|release| release.kernel.as_ref())?;
        Some((kernel, version.line()))
    }

    /// The table of the agent's configuration in which the operator answers for a line, as it is to be written there.
    ///
    /// Lines of the kernel and of the products on it have the same numbers and mean other things, so theirs name the
    /// product.
    #[must_use]
    pub fn answer_key(&self, line: Line) -> String {
        match self.product.family() {
            Family::Confluence => format!("[requirements.\"{line}\"]"),
            Family::Carbon => format!("[requirements.\"{} {line}\"]", self.product.id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Answers, Component, MinimumOf, Standing};
    use crate::facts::Engine;

    fn version(text: &str) -> ProductVersion {
        text.parse().unwrap()
    }

    fn line(text: &str) -> Line {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_known_of_the_kernel_holds_for_a_product_on_it() {
        let kernel = Catalog::embedded(Product::Wso2Carbon);
        let identity = Catalog::embedded(Product::Wso2IdentityServer);
        let asked = |catalog: &Catalog, engine: &str, of: &str| {
            catalog.ruling(Component::DatabaseEngine, engine, line(of)).standing
        };
        assert_eq!(asked(&kernel, "postgresql", "4.4"), Standing::Supported);
        // Identity Server 5.7 is built on the kernel 4.4.35, and 5.11 on 4.6.1.
        assert_eq!(asked(&identity, "postgresql", "5.7"), Standing::Supported);
        assert_eq!(asked(&identity, "mariadb", "5.11"), Standing::NotListed);
        assert_eq!(asked(&identity, "postgresql", "99.0"), Standing::Unknown, "a line nobody knows");
        assert!(identity.minimum(MinimumOf::MemoryMib, line("5.7")).is_some());
        assert!(identity.minimum(MinimumOf::MemoryMib, line("99.0")).is_none());
        let settings = |of: &str| identity.settings(Engine::Mysql, line(of)).count();
        assert!(settings("5.7") > settings("6.0"));
    }

    #[test]
    fn what_is_known_of_the_product_stands_above_what_is_known_of_the_kernel() {
        let manager = Catalog::embedded(Product::Wso2ApiManager);
        let ruling = manager.ruling(Component::Java, "17", line("4.2"));
        assert_eq!(ruling.standing, Standing::Supported);
        let mut answers = Answers::default();
        answers.supported.insert((line("4.2"), Component::DatabaseEngine), vec!["mariadb".parse().unwrap()]);
        let answered = manager.with_answers(answers);
        let ruling = answered.ruling(Component::DatabaseEngine, "postgresql", line("4.2"));
        assert_eq!(ruling.standing, Standing::Excluded);
    }

    #[test]
    fn every_release_of_a_product_is_built_on_a_kernel_that_is_known() {
        for product in Product::ALL.into_iter().filter(|product| product.family() == Family::Carbon) {
            let catalog = Catalog::embedded(product);
            let kernels = Catalog::embedded(Product::Wso2Carbon);
            for release in catalog.releases() {
                let Some(kernel) = catalog.kernel_of(&release.version) else { continue };
                assert!(kernels.release(&kernel).is_some(), "{product} {} on {kernel}", release.version);
            }
        }
        let confluence = Catalog::embedded(Product::Confluence);
        assert_eq!(confluence.kernel_of(&version("9.2.7")), None);
    }

    #[test]
    fn the_table_to_answer_in_names_the_product_where_lines_collide() {
        let key = |product: Product, of: &str| Catalog::embedded(product).answer_key(line(of));
        assert_eq!(key(Product::Confluence, "10.2"), "[requirements.\"10.2\"]");
        assert_eq!(key(Product::Wso2Carbon, "4.4"), "[requirements.\"wso2-carbon 4.4\"]");
        assert_eq!(key(Product::Wso2ApiManager, "4.4"), "[requirements.\"wso2-api-manager 4.4\"]");
    }
}
