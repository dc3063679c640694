//! Files that change while they are served.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Folder, Running, free_port};
use crate::http::{get, status, until};
use crate::manifest::{documents, gateway, route, service};

/// A Gateway and a backend, and `routes.yaml` with a route for `/one`.
fn started(arguments: &[&str]) -> (Folder, Running, u16) {
    let port = free_port();
    let folder = Folder::new(&[
        ("gateway.yaml", &documents(&[gateway(port), service("app", free_port(), true)])),
        ("routes.yaml", &route("one", "/one", "app")),
    ]);
    let running = Running::start(folder.path(), arguments);
    assert_eq!(status(port, "/one"), 200, "{:#?}", running.events);
    assert_eq!(status(port, "/two"), 404);
    (folder, running, port)
}

#[test]
fn a_file_written_in_place_is_live() {
    let (folder, mut running, port) = started(&[]);
    folder.write("routes.yaml", &route("one", "/two", "app"));
    until(port, "/two", 200);
    assert_eq!(status(port, "/one"), 404);
    let applied = running.wait_for_applied();
    assert_eq!(applied["changes"]["rules"]["changed"], 1, "{applied}");
    assert_eq!(applied["changes"]["listeners"]["changed"], 0, "{applied}");
}

#[test]
fn a_file_replaced_by_renaming_is_live() {
    let (folder, _running, port) = started(&[]);
    folder.replace("routes.yaml", &route("one", "/two", "app"));
    until(port, "/two", 200);
}

/// vim with `backupcopy=no`: the old file is renamed away, a new one written, the backup deleted.
#[test]
fn a_file_saved_with_a_backup_is_live() {
    let (folder, _running, port) = started(&[]);
    fs::rename(folder.file("routes.yaml"), folder.file("routes.yaml~")).expect("renamed");
    folder.write("routes.yaml", &route("one", "/two", "app"));
    fs::remove_file(folder.file("routes.yaml~")).expect("deleted");
    until(port, "/two", 200);
}

/// A mounted ConfigMap: files link to `..data/NAME`, and `..data` is replaced by another link.
#[test]
fn a_mounted_config_map_that_changes_is_live() {
    let port = free_port();
    let folder = Folder::new(&[
        ("..one/objects.yaml", &documents(&[gateway(port), service("app", free_port(), true)])),
        ("..one/routes.yaml", &route("one", "/one", "app")),
    ]);
    symlink("..one", folder.file("..data")).expect("a link");
    symlink("..data/objects.yaml", folder.file("objects.yaml")).expect("a link");
    symlink("..data/routes.yaml", folder.file("routes.yaml")).expect("a link");
    let _running = Running::start(folder.path(), &[]);
    assert_eq!(status(port, "/one"), 200);

    fs::create_dir(folder.file("..two")).expect("a folder");
    fs::copy(folder.file("..one/objects.yaml"), folder.file("..two/objects.yaml")).expect("copied");
    folder.write("..two/routes.yaml", &route("one", "/two", "app"));
    symlink("..two", folder.file("..data_tmp")).expect("a link");
    fs::rename(folder.file("..data_tmp"), folder.file("..data")).expect("renamed");
    fs::remove_dir_all(folder.file("..one")).expect("deleted");
    until(port, "/two", 200);
    assert_eq!(status(port, "/one"), 404);

    folder.write("..two/routes.yaml", &route("one", "/three", "app"));
    until(port, "/three", 200);
}

#[test]
fn objects_of_a_deleted_file_go_and_come_back_with_it() {
    let (folder, _running, port) = started(&[]);
    fs::remove_file(folder.file("routes.yaml")).expect("deleted");
    until(port, "/one", 404);
    folder.write("routes.yaml", &route("one", "/one", "app"));
    until(port, "/one", 200);
}

#[test]
fn a_deleted_document_removes_its_object() {
    let (folder, _running, port) = started(&[]);
    folder.write("routes.yaml", &documents(&[route("one", "/one", "app"), route("two", "/two", "app")]));
    until(port, "/two", 200);
    folder.write("routes.yaml", &route("two", "/two", "app"));
    until(port, "/one", 404);
    assert_eq!(status(port, "/two"), 200);
}

#[test]
fn new_folders_are_followed_at_any_depth() {
    let (folder, _running, port) = started(&[]);
    folder.write("team/a/two.yaml", &route("two", "/two", "app"));
    until(port, "/two", 200);
    folder.write("team/a/two.yaml", &route("two", "/three", "app"));
    until(port, "/three", 200);
    fs::rename(folder.file("team"), folder.file("guild")).expect("renamed");
    folder.write("guild/a/four.yaml", &route("four", "/four", "app"));
    until(port, "/four", 200);
    assert_eq!(status(port, "/three"), 200);
    fs::remove_dir_all(folder.file("guild")).expect("deleted");
    until(port, "/four", 404);
}

#[test]
fn a_single_file_is_followed_through_renaming() {
    let port = free_port();
    let objects = |prefix: &str, backend: u16| {
        documents(&[gateway(port), service("app", backend, true), route("one", prefix, "app")])
    };
    let backend = free_port();
    let folder = Folder::new(&[("site.yaml", &objects("/one", backend))]);
    let _running = Running::start(&folder.file("site.yaml"), &[]);
    assert_eq!(status(port, "/one"), 200);
    folder.replace("site.yaml", &objects("/two", backend));
    until(port, "/two", 200);
    folder.write("site.yaml", &objects("/three", backend));
    until(port, "/three", 200);
}

#[test]
fn a_folder_that_is_replaced_is_followed() {
    let port = free_port();
    let folder = Folder::new(&[("site/gateway.yaml", &documents(&[gateway(port), service("app", free_port(), true)]))]);
    folder.write("site/routes.yaml", &route("one", "/one", "app"));
    let mut running = Running::start(&folder.file("site"), &[]);
    assert_eq!(status(port, "/one"), 200);
    fs::rename(folder.file("site"), folder.file("old")).expect("renamed");
    running.wait_for_diagnostic("path-missing");
    fs::create_dir(folder.file("site")).expect("a folder");
    fs::copy(folder.file("old/gateway.yaml"), folder.file("site/gateway.yaml")).expect("copied");
    folder.write("site/routes.yaml", &route("one", "/two", "app"));
    until(port, "/two", 200);
    folder.write("site/routes.yaml", &route("one", "/three", "app"));
    until(port, "/three", 200);
}

#[test]
fn saving_without_a_change_changes_nothing() {
    let (folder, mut running, port) = started(&[]);
    let text = fs::read_to_string(folder.file("routes.yaml")).expect("a text");
    folder.replace("routes.yaml", &text);
    folder.write("notes.txt", "no object");
    folder.write("other.yaml", &route("two", "/two", "app"));
    until(port, "/two", 200);
    let applied = running.wait_for_applied();
    assert_eq!(applied["changes"]["rules"]["added"], 1, "the first change that is told is a change: {applied}");
    assert_eq!(applied["changes"]["rules"]["changed"], 0, "{applied}");
}

/// Requests go on while files change; none fails.
#[test]
fn no_request_fails_while_files_change() {
    let (folder, _running, port) = started(&[]);
    for round in 0..30 {
        let text = documents(&[route("one", "/one", "app"), route("two", &format!("/round-{round}"), "app")]);
        match round % 3 {
            0 => folder.write("routes.yaml", &text),
            1 => folder.replace("routes.yaml", &text),
            _ => {
                fs::rename(folder.file("routes.yaml"), folder.file("routes.yaml~")).expect("renamed");
                folder.write("routes.yaml", &text);
            }
        }
        loop {
            let answer = get(port, "/one").expect("an answer");
            assert_eq!(answer.status, 200, "round {round}: {answer:?}");
            if status(port, &format!("/round-{round}")) == 200 {
                break;
            }
        }
    }
}
