//! The walls of the house: which room may import which. docs/ARCHITECTURE.md says why.

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::{Path, PathBuf},
    };

    use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

    /// No file of source may have more lines: long before that it holds more than one thing.
    const LINES: usize = 450;

    /// Each room and the rooms it may import, for its code, its tests and its build alike.
    const MAY_IMPORT: [(&str, &[&str]); 11] = [
        ("core", &[]),
        ("telemetry", &[]),
        ("store", &["core", "telemetry"]),
        ("fleet", &["core", "telemetry"]),
        ("blobs", &[]),
        ("carriers", &["core", "telemetry"]),
        ("engine", &["core", "telemetry", "store", "fleet", "blobs", "carriers"]),
        ("api", &["core", "telemetry", "store", "fleet", "blobs", "carriers", "engine"]),
        ("worker", &["core", "telemetry", "store", "fleet", "carriers", "engine"]),
        ("scheduler", &["core", "telemetry", "store", "fleet", "carriers", "engine"]),
        (
            "ringfleet",
            &[
                "core",
                "telemetry",
                "store",
                "fleet",
                "blobs",
                "carriers",
                "engine",
                "api",
                "worker",
                "scheduler",
            ],
        ),
    ];

    fn metadata() -> Metadata {
        // The lock file decides, so nothing is asked of the network.
        let options = ["--locked", "--offline"].map(String::from);
        MetadataCommand::new().other_options(options).exec().expect("cargo describes the workspace")
    }

    /// `ringfleet-core` is the room `core`; the root package is the room `ringfleet`.
    fn room(package: &str) -> &str {
        package.strip_prefix("ringfleet-").unwrap_or(package)
    }

    fn rooms(metadata: &Metadata) -> BTreeMap<String, &Package> {
        metadata
            .workspace_packages()
            .into_iter()
            .map(|package| (room(&package.name).to_owned(), package))
            .collect()
    }

    #[test]
    fn imports_run_one_way() {
        let metadata = metadata();
        let rooms = rooms(&metadata);
        let planned: BTreeSet<&str> = MAY_IMPORT.iter().map(|(room, _)| *room).collect();
        let built: BTreeSet<&str> = rooms.keys().map(String::as_str).collect();
        assert_eq!(built, planned, "a new room needs its place in MAY_IMPORT and in docs/ARCHITECTURE.md");
        for (name, allowed) in MAY_IMPORT {
            for dependency in &rooms[name].dependencies {
                let imported = room(&dependency.name);
                let foreign = rooms.contains_key(imported) && !allowed.contains(&imported);
                assert!(!foreign, "{name} must not import {imported} ({:?} dependency)", dependency.kind);
            }
        }
    }

    #[test]
    fn core_is_free_of_the_outside_world() {
        let metadata = metadata();
        let reached = names_reached_from(&metadata, &rooms(&metadata)["core"].id);
        assert!(reached.contains("chrono"), "the walk sees what is there: {reached:?}");
        for world in
            ["tokio", "sqlx", "sqlx-core", "axum", "hyper", "reqwest", "redis", "apalis", "rsipstack"]
        {
            assert!(!reached.contains(world), "core must not reach {world}");
        }
    }

    /// The names of all packages that this one is built from, directly or not; what only its tests need is left out.
    fn names_reached_from(metadata: &Metadata, from: &PackageId) -> BTreeSet<String> {
        let resolve = metadata.resolve.as_ref().expect("metadata comes with the resolved graph");
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(id) = next.pop() {
            if reached.insert(id) {
                next.extend(
                    resolve[id]
                        .deps
                        .iter()
                        .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal))
                        .map(|dep| &dep.pkg),
                );
            }
        }
        reached.into_iter().map(|id| metadata[id].name.to_string()).collect()
    }

    #[test]
    fn each_of_these_crates_has_one_home() {
        let metadata = metadata();
        for (home, guest) in [
            ("carriers", "rsipstack"),
            ("store", "sqlx"),
            ("fleet", "redis"),
            ("blobs", "object_store"),
            ("api", "tower-http"),
            ("telemetry", "metrics"),
            ("ringfleet", "metrics-exporter-prometheus"),
            ("telemetry", "tracing-opentelemetry"),
            ("ringfleet", "opentelemetry-otlp"),
        ] {
            let users: Vec<String> = rooms(&metadata)
                .into_iter()
                // Tests may look into a database from outside.
                .filter(|(_, package)| {
                    let built_with = |kind| kind != DependencyKind::Development;
                    package.dependencies.iter().any(|d| d.name == guest && built_with(d.kind))
                })
                .map(|(room, _)| room)
                .collect();
            assert_eq!(users, [home], "only {home} may name {guest}");
        }
    }

    #[test]
    fn files_hold_one_thing() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut sources = Vec::new();
        for room in ["src", "tests"] {
            collect_sources(&root.join(room), &mut sources);
        }
        for (name, package) in rooms(&metadata()) {
            if name != "ringfleet" {
                let folder = package.manifest_path.parent().expect("a manifest lies in a folder");
                collect_sources(folder.as_std_path(), &mut sources);
            }
        }
        assert!(sources.contains(&root.join("tests/rooms.rs")), "the walk sees what is there: {sources:?}");
        let lines = |source: &PathBuf| fs::read_to_string(source).expect("source is text").lines().count();
        sources.retain(|source| lines(source) > LINES);
        assert!(sources.is_empty(), "more than {LINES} lines, so more than one thing: {sources:?}");
    }

    fn collect_sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a room is a folder").flatten() {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if path.is_dir() && !hidden && entry.file_name() != "target" {
                collect_sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
}
