//! The page's backups by Velero, restored into another cluster, which has nothing but Velero. Not of the suite: it wants programs
//! that take minutes to build (`CONTRIBUTING.md` has the command).

use std::fs::File;
use std::os::unix::fs::symlink;
use std::process::Child;
use std::time::Instant;

use nantian_cluster::{Cluster, Home, Parts, Programs};
use tempfile::TempDir;

use super::shell::{Shell, commands};
use super::{served, world};
use crate::{Live, binaries};

/// A namespace that the page backs up.
const GATEWAYS: &str = "my-app";

/// Where backups are kept.
const LOCATION: &str = r#"
apiVersion: velero.io/v1
kind: BackupStorageLocation
metadata: {name: default, namespace: velero}
spec:
  default: true
  provider: aws
  objectStorage: {bucket: backups}
  config: {region: us-east-1, s3ForcePathStyle: "true", s3Url: "http://127.0.0.1:7070", checksumAlgorithm: ""}
"#;

/// What both servers know the client by.
const CREDENTIALS: &str = "[default]\naws_access_key_id = velero\naws_secret_access_key = of-a-test\n";
const SERVER_CREDENTIALS: [&str; 4] = ["--access", "velero", "--secret", "of-a-test"];

const PLUGIN: &str = "velero-plugin-for-aws";

/// The page's, and one of what those lack.
const BACKUPS: [&str; 3] = ["nantian-gw-backup", "nantian-routes-backup", "nantian-others-backup"];

/// Secrets of the chart, without which planes of one cluster would not be those of another.
const IDENTITIES: &str =
    "kubectl get secrets -n nantian-gw -l app.kubernetes.io/instance=nantian-gw -o jsonpath='{.items[*].data}'";

/// What is kept while clusters come and go: the bucket, and what Velero needs to reach it.
struct Store(TempDir);

impl Store {
    fn new(programs: &Programs) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["s3/backups", "plugins", "temporary"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("credentials"), CREDENTIALS).unwrap();
        // Velero starts whatever program it finds there.
        symlink(programs.path(PLUGIN), folder.path().join("plugins").join(PLUGIN)).unwrap();
        Self(folder)
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }
}

/// Velero's server and the one that keeps its backups, until the end of the test.
struct Velero(Vec<Child>);

impl Velero {
    /// Returns when backups can be made and restored.
    fn start(shell: &Shell<'_>, cluster: &Cluster, store: &Store) -> Self {
        shell.must("velero install --crds-only --dry-run -o yaml | kubectl apply -f -");
        shell.must("kubectl create namespace velero");
        // A restore waits until it is there. The server itself needs no Pod.
        shell.must("kubectl create deployment velero -n velero --image=velero --replicas=0");
        shell.file("location.yaml", LOCATION);
        shell.must("kubectl apply -f location.yaml");
        let s3 = [&["--region", "us-east-1", "--port", "127.0.0.1:7070"][..], &SERVER_CREDENTIALS].concat();
        let mut velero = Self(Vec::new());
        velero.run(cluster, store, "versitygw", &[&s3[..], &["posix", &store.at("s3")]].concat());
        velero.serve(cluster, store);
        let available = "--for=jsonpath={.status.phase}=Available --timeout=120s";
        shell.must(&format!("kubectl wait backupstoragelocation/default -n velero {available}"));
        velero
    }

    /// Starts it again: it looks through the bucket when it starts and then once a minute, but passes over a location that it has
    /// not found to be available yet.
    fn finds_backups(&mut self, cluster: &Cluster, store: &Store) {
        self.0.pop().into_iter().for_each(end);
        self.serve(cluster, store);
    }

    fn serve(&mut self, cluster: &Cluster, store: &Store) {
        let plugins = format!("--plugin-dir={}", store.at("plugins"));
        self.run(cluster, store, "velero", &["server", &plugins, "--store-validation-frequency=1s"]);
    }

    fn run(&mut self, cluster: &Cluster, store: &Store, program: &str, arguments: &[&str]) {
        let log = File::create(cluster.logs().join(format!("{program}.log"))).unwrap();
        let mut command = cluster.command(program);
        command.args(arguments).stdout(log.try_clone().unwrap()).stderr(log);
        command.env("VELERO_NAMESPACE", "velero").env("AWS_SHARED_CREDENTIALS_FILE", store.at("credentials"));
        self.0.push(command.env("TMPDIR", store.at("temporary")).spawn().unwrap());
    }
}

impl Drop for Velero {
    fn drop(&mut self) {
        self.0.drain(..).for_each(end);
    }
}

fn end(mut server: Child) {
    // It may have ended.
    let _ended = server.kill();
    let _waited = server.wait();
}

#[test]
fn what_velero_has_of_one_cluster_is_served_by_another_as_it_was_and_nothing_is_restarted() {
    let home = Home::find().unwrap();
    let programs = Programs::installed(&home);
    programs.add_velero(&home).unwrap_or_else(|error| panic!("{error}"));
    let store = Store::new(&programs);

    let live = Live::up("test-velero", Parts::Node);
    live.install();
    let shell = Shell::new(&live, GATEWAYS);
    world::create(&shell);
    let before = served(&shell);
    let identities = shell.must(IDENTITIES);
    let velero = Velero::start(&shell, live.cluster(), &store);
    backs_up(&shell);
    drop(velero);
    let folder = shell.into_folder();
    live.down();

    let live = Live::up("test-velero", Parts::Node);
    // The registry that the Pods have their images from.
    live.cluster().import_planes(&home, binaries()).unwrap_or_else(|error| panic!("{error}"));
    let shell = Shell::of(&live, GATEWAYS, folder);
    let mut velero = Velero::start(&shell, live.cluster(), &store);
    is_empty(&shell);
    velero.finds_backups(live.cluster(), &store);
    for backup in BACKUPS {
        shell.must(&format!("kubectl wait backup/{backup} -n velero --for=create --timeout=120s"));
    }
    let began = Instant::now();
    let pods = restores(&shell);
    let healed = before.again(&shell);
    println!("all is as before {:?} after the first command, {healed:?} after the last", began.elapsed());
    assert!(pods.lines().all(|pod| pod.ends_with(" 0")), "{pods}");
    assert_eq!(super::starts(&shell), pods, "nothing restarts");
    assert_eq!(shell.must(IDENTITIES), identities, "certificates and keys are those that were");
    what_depends_on_others_is_of_those_that_are_there(&shell);
    an_upgrade_finds_its_release(&shell);
    assert_eq!(super::starts(&shell), pods, "an upgrade to the same restarts nothing");
    assert_eq!(shell.must(IDENTITIES), identities);
    before.again(&shell);
    drop(velero);
    drop(shell);
    live.down();
}

/// As the page has it, and what it does not name.
fn backs_up(shell: &Shell<'_>) {
    for command in
        ["Back up with Velero", "Back up with Velero what the page does not name"].into_iter().flat_map(commands)
    {
        shell.must(&command);
    }
    shell.file("schedule.yaml", include_str!("schedule.yaml"));
    shell.must("kubectl apply -f schedule.yaml");
    let enabled = "--for=jsonpath={.status.phase}=Enabled --timeout=120s";
    shell.must(&format!("kubectl wait schedule/nantian-gw-daily -n velero {enabled}"));
    shell.must("velero backup create nantian-gw-of-schedule --from-schedule nantian-gw-daily --wait");
    for backup in BACKUPS.into_iter().chain(["nantian-gw-of-schedule"]) {
        completed(shell, "backup", backup);
    }
}

/// Checks that nothing failed.
fn completed(shell: &Shell<'_>, kind: &str, name: &str) {
    let outcome = shell.must(&format!(
        "kubectl get {kind} {name} -n velero -o jsonpath='{{.status.phase}}, errors: {{.status.errors}}, warnings: {{.status.warnings}}'"
    ));
    println!("{kind} {name}: {outcome}");
    let details = || shell.types(&format!("velero {kind} describe {name} --details")).printed;
    assert!(outcome.starts_with("Completed, errors: ,"), "{}", details());
}

fn is_empty(shell: &Shell<'_>) {
    let crds = shell.must("kubectl get crds -o name");
    assert!(crds.lines().all(|name| name.ends_with(".velero.io")), "{crds}");
    let namespaces = shell.must("kubectl get namespaces -o name");
    assert!(!["nantian-gw", "my-app", "my-other-app"].iter().any(|name| namespaces.contains(name)), "{namespaces}");
}

/// Returns the Pods that there are when the planes are ready, which is before their Gateways are there.
fn restores(shell: &Shell<'_>) -> String {
    let restore = |backup: &str| {
        let began = Instant::now();
        shell.must(&format!("velero restore create {backup} --from-backup {backup} --wait"));
        println!("{backup} is restored after {:?}", began.elapsed());
        completed(shell, "restore", backup);
    };
    // The page's second backup has objects of kinds, and no CRDs.
    for step in ["Install Gateway API CRDs", "Install Nantian Gateway CRDs"] {
        shell.section(step);
    }
    let [gateway, routes, others] = BACKUPS;
    restore(gateway);
    for plane in ["controlplane", "dataplane"] {
        shell.must(&format!("kubectl rollout status deployment/nantian-gw-{plane} -n nantian-gw --timeout=120s"));
    }
    let pods = super::starts(shell);
    restore(routes);
    let classes = shell.types("kubectl get gatewayclasses -o name");
    assert!(classes.printed.is_empty(), "the page's backups have no {}", classes.printed);
    restore(others);
    pods
}

fn what_depends_on_others_is_of_those_that_are_there(shell: &Shell<'_>) {
    let gateway = shell.must("kubectl get gateway web -n my-app -o jsonpath='{.metadata.uid}'");
    for kind in ["services", "endpointslices"] {
        let owners = format!(
            "kubectl get {kind} -n my-app -l gateway.networking.k8s.io/gateway-name=web \
             -o jsonpath='{{.items[*].metadata.ownerReferences[*].uid}}'"
        );
        assert_eq!(shell.must(&owners), gateway, "{kind} of the Gateway");
    }
    let leader = "kubectl get lease nantian-controlplane-leader -n nantian-gw -o jsonpath='{.spec.holderIdentity}'";
    shell.must(&format!("kubectl get pod -n nantian-gw $({leader})"));
}

fn an_upgrade_finds_its_release(shell: &Shell<'_>) {
    shell.must("helm get values nantian-gw -n nantian-gw > nantian-gw-helm-values.yaml");
    shell.must(super::UPGRADE);
    let releases = shell.must("helm history nantian-gw -n nantian-gw -o json | jq -c '[.[] | [.revision, .status]]'");
    assert_eq!(releases.trim(), r#"[[1,"superseded"],[2,"deployed"]]"#);
}
