"""What the formats' own schemas do not see of compose.yaml and deploy/: names that must agree, and KEDA's objects.

usage: deploy_check.py compose|kubernetes|prometheus|settings   (with the packages of deploy-tools.txt)
"""

import re
import sys
import traceback
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = ROOT / "docs" / "operations.md"
# The oldest version of Kubernetes that is promised, and the newest one that the tool knows.
KUBERNETES = ("1.30", "1.37")
WORKER_GRACE_SECONDS = 25

mistakes = []


def check(is_right, where, what):
    if not is_right:
        mistakes.append(f"{where}: {what}")


def words(pattern, text):
    return set(re.findall(pattern, text))


def compose():
    path = ROOT / "compose.yaml"
    document = yaml.safe_load(path.read_text())
    services = document["services"]
    for name, service in services.items():
        where = f"compose.yaml, service {name}"
        for other in service.get("depends_on", {}):
            check(other in services, where, f"depends on {other}, which is not there")
        for network in service.get("networks", []):
            check(network in document["networks"], where, f"network {network} is not there")
        for volume in service.get("volumes", []):
            check(volume.split(":")[0] in document["volumes"], where, f"volume {volume} is not a named one")
        for port in service.get("ports", []):
            check(port.startswith("127.0.0.1:"), where, f"port {port} is not on loopback")
        check(service.get("healthcheck") or name == "migrate", where, "has no health check")
        check(service["deploy"]["resources"]["limits"], where, "has no limits")
    for name in words(r"\$\{(\w*(?:PASSWORD|KEY)\b(?!:\?).*?)\}", path.read_text()):
        check(False, "compose.yaml", f"${{{name}}} lets the service start without a secret of its own; write :? and a hint")


def documents(folder):
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield path, document


def kubernetes():
    folder = ROOT / "deploy" / "k8s"
    seen = list(documents(folder))
    names = {(document["kind"], document.get("metadata", {}).get("name")) for _, document in seen}
    config = next(document["data"] for _, document in seen if document["kind"] == "ConfigMap")
    for path, document in seen:
        where = f"{path.relative_to(ROOT)}, {document['kind']}"
        if document["kind"] == "Kustomization":
            kustomization(document, folder)
        elif document["apiVersion"].startswith("keda.sh/"):
            keda(document, where, names, config["PINKSYNC_WORKER_PERMITS"])
        else:
            schema(document, where)
        if document["kind"] in ("Deployment", "Job"):
            pods(document, where, names)


def kustomization(document, folder):
    listed = set(document.get("resources", []))
    there = {path.name for path in folder.glob("*.yaml")}
    apart = {"kustomization.yaml", "secret.example.yaml", "worker-scaledobject-prometheus.yaml"}
    check(listed == there - apart, "deploy/k8s/kustomization.yaml", f"lists {sorted(listed ^ (there - apart))} wrongly")


def schema(document, where):
    import kubernetes_validate

    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = "/".join(str(step) for step in error.path)
            check(False, f"{where}, Kubernetes {version}", f"/{place}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError:
            check(False, f"{where}, Kubernetes {version}", "no such kind of object")


def keda(document, where, names, permits):
    """The models are made from KEDA's own definitions of its objects; what a trigger's metadata may hold is not in them."""
    from cloudcoil.models.keda import v1alpha1
    from pydantic import ValidationError

    try:
        getattr(v1alpha1, document["kind"]).model_validate(document, extra="forbid")
    except ValidationError as error:
        for one in error.errors():
            check(False, where, f"/{'/'.join(str(step) for step in one['loc'])}: {one['msg']}")
        return
    if document["kind"] != "ScaledObject":
        return
    target = document["spec"]["scaleTargetRef"]["name"]
    check(("Deployment", target) in names, where, f"there is no deployment {target}")
    for trigger in document["spec"]["triggers"]:
        metadata = trigger["metadata"]
        if trigger["type"] == "rabbitmq":
            queues = ("pinksync.interactive", "pinksync.bulk")
            check(metadata.get("queueName") in queues, where, f"no such queue: {metadata}")
            check(metadata.get("value") == permits, where, f"value differs from PINKSYNC_WORKER_PERMITS: {metadata}")
            login = trigger["authenticationRef"]["name"]
            check(("TriggerAuthentication", login) in names, where, f"there is no TriggerAuthentication {login}")
        else:
            check(trigger["type"] == "prometheus", where, f"a trigger nobody checks: {trigger['type']}")
            metrics_of(metadata["query"], where)
            check(re.fullmatch(r"\d+", metadata["threshold"]), where, f"no threshold: {metadata}")


def pods(document, where, names):
    pod = document["spec"]["template"]["spec"]
    check(pod["securityContext"].get("runAsNonRoot") is True, where, "may run as root")
    check(pod.get("enableServiceLinks") is False, where, "takes the cluster's PINKSYNC_… variables for settings")
    if document["metadata"]["name"] == "pinksync-worker":
        grace = pod["terminationGracePeriodSeconds"]
        check(grace > WORKER_GRACE_SECONDS, where, f"ends workers after {grace} s, before they have given back")
    for container in pod["containers"]:
        context = container["securityContext"]
        check(context.get("allowPrivilegeEscalation") is False, where, "may gain privileges")
        check(context.get("readOnlyRootFilesystem") is True, where, "may write to its root")
        for source in container["envFrom"]:
            for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                name = source.get(field, {}).get("name")
                check(name is None or (kind, name) in names, where, f"there is no {kind} {name}")


def metrics_of(expression, where):
    """Metrics in a PromQL expression; a histogram's parts count as the histogram."""
    import promql_parser

    try:
        promql_parser.parse(expression)
    except ValueError as error:
        check(False, where, f"not PromQL: {error}")
    documented = words(r"(?m)^\| `(pinksync_\w+)", OPERATIONS.read_text())
    for metric in words(r"\bpinksync_\w+", expression):
        metric = re.sub(r"_(bucket|sum|count)$", "", metric)
        check(metric in documented, where, f"docs/operations.md does not know {metric}")


def prometheus():
    path = ROOT / "deploy" / "prometheus" / "rules.yaml"
    document = yaml.safe_load(path.read_text())
    check(set(document) == {"groups"}, "rules.yaml", f"keys: {sorted(document)}")
    headings = words(r"(?m)^#+ (\w+)$", OPERATIONS.read_text())
    alerts = []
    for group in document["groups"]:
        check(set(group) <= {"name", "rules", "interval"} and group.get("name"), "rules.yaml", f"group: {sorted(group)}")
        for rule in group["rules"]:
            alerts.append(rule.get("alert"))
            alert(rule, f"rules.yaml, {rule.get('alert')}", headings)
    check(len(set(alerts)) == len(alerts), "rules.yaml", "an alert is there twice")


def alert(rule, where, headings):
    keys = {"alert", "expr", "labels", "annotations"}
    if not keys <= set(rule) <= keys | {"for", "keep_firing_for"}:
        check(False, where, f"keys: {sorted(rule)}")
        return
    check(re.fullmatch(r"\w+", rule["alert"]), where, "no name")
    check(re.fullmatch(r"(\d+(ms|[smhdwy]))+", rule.get("for", "0s")), where, f"for: {rule.get('for')}")
    check(rule["labels"].get("severity") in ("critical", "warning"), where, "no severity")
    metrics_of(str(rule["expr"]), where)
    for text in rule["annotations"].values():
        rest = re.sub(r"\{\{ \$(value|labels\.\w+)( \| humanize(Duration|Percentage)?)? \}\}", "", text)
        check("{{" not in rest and "}}" not in rest, where, f"a template nobody checks: {text}")
    check(rule["alert"] in headings, where, "docs/operations.md has no section of its name")
    runbook = f"docs/operations.md#{rule['alert'].lower()}"
    check(rule["annotations"].get("runbook") == runbook, where, f"runbook is not {runbook}")


def settings():
    rows = re.findall(r"(?m)^\| `PINKSYNC_.*?\|", OPERATIONS.read_text())
    documented = words(r"PINKSYNC_\w+", " ".join(rows))
    files = [ROOT / "compose.yaml", *sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())]
    for path in files:
        # One of compose.yaml's own names the image.
        for name in words(r"\bPINKSYNC_\w*[A-Z]", path.read_text()) - {"PINKSYNC_IMAGE"}:
            check(name in documented, path.relative_to(ROOT), f"docs/operations.md does not know {name}")


PARTS = {part.__name__: part for part in (compose, kubernetes, prometheus, settings)}

if len(sys.argv) != 2 or sys.argv[1] not in PARTS:
    sys.exit(__doc__)
try:
    PARTS[sys.argv[1]]()
except (KeyError, TypeError, StopIteration) as error:
    traceback.print_exc()
    check(False, sys.argv[1], f"something is missing: {error!r}")
for mistake in mistakes:
    print(mistake, file=sys.stderr)
sys.exit(1 if mistakes else 0)
