"""What the operators' custom resources take: of each, the fields that the overlays use and no other.

Written down by hand from the operators' own definitions: CloudNativePG 1.30 and its Barman plugin 0.15, RabbitMQ's
cluster and topology operators, KEDA 2.18, Gateway API 1.2 to 1.7. A field that is missing here is refused: look it
up before it is added.
"""

from __future__ import annotations

from typing import Any

import jsonschema
from jsonschema import ValidationError

__all__ = ["GROUPS", "ValidationError", "validate"]

Schema = dict[str, Any]
TEXT: Schema = {"type": "string", "minLength": 1}
ANY_TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
YES: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "object", "additionalProperties": ANY_TEXT}


def fields(*required: str, **known: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": known, "additionalProperties": False}


def many(each: Schema) -> Schema:
    return {"type": "array", "items": each, "minItems": 1}


def one_of(*values: str) -> Schema:
    return {"enum": list(values)}


NAME = fields("name", name=TEXT)
KEY = fields("name", "key", name=TEXT, key=TEXT)
RESOURCES = fields(requests=TEXTS, limits=TEXTS)
AT_RABBITMQ = {"rabbitmqClusterReference": NAME}
PREFIX = fields("path", path=fields("type", "value", type=one_of("PathPrefix"), value={"pattern": "^/"}))
BACKEND = fields("name", "port", name=TEXT, port=NUMBER)
DURATION = {"type": "string", "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"}
REDIRECT = fields(scheme=one_of("http", "https"), statusCode={"enum": [301, 302]})

_SPECS: dict[tuple[str, str], Schema] = {
    ("postgresql.cnpg.io/v1", "Cluster"): fields(
        "instances",
        "storage",
        instances={"type": "integer", "minimum": 1},
        primaryUpdateStrategy=one_of("unsupervised", "supervised"),
        enableSuperuserAccess=YES,
        inheritedMetadata=fields(labels=TEXTS, annotations=TEXTS),
        storage=fields(size=TEXT, storageClass=TEXT),
        walStorage=fields(size=TEXT, storageClass=TEXT),
        resources=RESOURCES,
        affinity=fields(
            enablePodAntiAffinity=YES, podAntiAffinityType=one_of("required", "preferred"), topologyKey=TEXT
        ),
        postgresql=fields(
            synchronous=fields(
                "method",
                "number",
                method=one_of("any", "first"),
                number=NUMBER,
                dataDurability=one_of("required", "preferred"),
            ),
            parameters=TEXTS,
        ),
        managed=fields(
            roles=many(
                fields(
                    "name",
                    name=TEXT,
                    ensure=one_of("present", "absent"),
                    login=YES,
                    connectionLimit=NUMBER,
                    passwordSecret=NAME,
                )
            ),
            services=fields(
                disabledDefaultServices=many(one_of("r", "ro", "rw")),
                additional=many(
                    fields(
                        "selectorType",
                        "serviceTemplate",
                        selectorType=one_of("r", "ro", "rw"),
                        serviceTemplate=fields(metadata=NAME, spec=fields(type=one_of("ClusterIP", "LoadBalancer"))),
                    )
                ),
            ),
        ),
        plugins=many(fields("name", name=TEXT, enabled=YES, isWALArchiver=YES, parameters=TEXTS)),
    ),
    ("postgresql.cnpg.io/v1", "Database"): fields(
        "cluster",
        "name",
        "owner",
        cluster=NAME,
        name={"type": "string", "not": {"enum": ["postgres", "template0", "template1"]}},
        owner=TEXT,
        databaseReclaimPolicy=one_of("retain", "delete"),
        schemas=many(fields("name", name=TEXT, owner=TEXT, ensure=one_of("present", "absent"))),
    ),
    ("postgresql.cnpg.io/v1", "ScheduledBackup"): fields(
        "cluster",
        "schedule",
        cluster=NAME,
        schedule=TEXT,
        backupOwnerReference=one_of("none", "self", "cluster"),
        method=one_of("barmanObjectStore", "volumeSnapshot", "plugin"),
        pluginConfiguration=fields("name", name=TEXT, parameters=TEXTS),
    ),
    ("barmancloud.cnpg.io/v1", "ObjectStore"): fields(
        "configuration",
        retentionPolicy={"pattern": "^[1-9][0-9]*[dwm]$"},
        configuration=fields(
            "destinationPath",
            destinationPath=TEXT,
            endpointURL=TEXT,
            s3Credentials=fields(accessKeyId=KEY, secretAccessKey=KEY, region=KEY, inheritFromIAMRole=YES),
            wal=fields(compression=one_of("gzip", "bzip2", "snappy", "xz", "lz4", "zstd")),
            data=fields(compression=one_of("gzip", "bzip2", "snappy")),
        ),
    ),
    ("rabbitmq.com/v1beta1", "RabbitmqCluster"): fields(
        replicas={"type": "integer", "minimum": 0},
        resources=RESOURCES,
        persistence=fields(storage=TEXT, storageClassName=TEXT),
        terminationGracePeriodSeconds=NUMBER,
        rabbitmq=fields(additionalConfig=TEXT, additionalPlugins=many(TEXT)),
        affinity=fields(
            podAntiAffinity=fields(
                requiredDuringSchedulingIgnoredDuringExecution=many(
                    fields("topologyKey", labelSelector=fields(matchLabels=TEXTS), topologyKey=TEXT)
                )
            )
        ),
    ),
    ("rabbitmq.com/v1beta1", "Vhost"): fields("name", "rabbitmqClusterReference", name=TEXT, **AT_RABBITMQ),
    ("rabbitmq.com/v1beta1", "Exchange"): fields(
        "name", "rabbitmqClusterReference", name=TEXT, vhost=TEXT, type=one_of("topic"), durable=YES, **AT_RABBITMQ
    ),
    ("rabbitmq.com/v1beta1", "User"): fields(
        "rabbitmqClusterReference",
        importCredentialsSecret=NAME,
        tags=many(one_of("management", "policymaker", "monitoring", "administrator")),
        **AT_RABBITMQ,
    ),
    ("rabbitmq.com/v1beta1", "Permission"): fields(
        "vhost",
        "permissions",
        "rabbitmqClusterReference",
        vhost=TEXT,
        userReference=NAME,
        permissions=fields(configure=ANY_TEXT, write=ANY_TEXT, read=ANY_TEXT),
        **AT_RABBITMQ,
    ),
    ("keda.sh/v1alpha1", "TriggerAuthentication"): fields(
        secretTargetRef=many(fields("parameter", "name", "key", parameter=TEXT, name=TEXT, key=TEXT))
    ),
    ("keda.sh/v1alpha1", "ScaledObject"): fields(
        "scaleTargetRef",
        "triggers",
        scaleTargetRef=fields("name", apiVersion=TEXT, kind=TEXT, name=TEXT),
        minReplicaCount=NUMBER,
        maxReplicaCount=NUMBER,
        pollingInterval=NUMBER,
        advanced=fields(horizontalPodAutoscalerConfig=fields(behavior={"type": "object"})),
        triggers=many(
            {
                "oneOf": [
                    fields(
                        "type",
                        "metadata",
                        "authenticationRef",
                        type=one_of("rabbitmq"),
                        metadata=fields(
                            "queueName",
                            "mode",
                            "value",
                            protocol=one_of("auto", "amqp", "http"),
                            queueName=TEXT,
                            mode=one_of("QueueLength", "MessageRate"),
                            value={"pattern": "^[0-9]+$"},
                        ),
                        authenticationRef=NAME,
                    ),
                    fields(
                        "type",
                        "metricType",
                        "metadata",
                        type=one_of("cpu", "memory"),
                        metricType=one_of("Utilization", "AverageValue"),
                        metadata=fields("value", value={"pattern": "^[0-9]+$"}),
                    ),
                ]
            }
        ),
    ),
    ("gateway.networking.k8s.io/v1", "Gateway"): fields(
        "gatewayClassName",
        "listeners",
        gatewayClassName=TEXT,
        listeners=many(
            fields(
                "name",
                "port",
                "protocol",
                name=TEXT,
                port=NUMBER,
                protocol=one_of("HTTP", "HTTPS"),
                hostname=TEXT,
                tls=fields(mode=one_of("Terminate"), certificateRefs=many(NAME)),
                allowedRoutes=fields(namespaces=fields(**{"from": one_of("Same", "All", "Selector", "None")})),
            )
        ),
    ),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): fields(
        "parentRefs",
        parentRefs=many(fields("name", name=TEXT, sectionName=TEXT)),
        hostnames=many(TEXT),
        rules=many(
            fields(
                matches=many(PREFIX),
                backendRefs=many(BACKEND),
                filters=many(fields("type", type=one_of("RequestRedirect"), requestRedirect=REDIRECT)),
                timeouts=fields(request=DURATION, backendRequest=DURATION),
            )
        ),
    ),
}
GROUPS = {api for api, _ in _SPECS}


def validate(each: dict[str, Any]) -> None:
    """Raises ValidationError when the operator would not take `each`, or not read a part of it."""
    spec = _SPECS[each["apiVersion"], each["kind"]]
    outside = fields(
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        apiVersion=TEXT,
        kind=TEXT,
        metadata=fields("name", name=TEXT, namespace=TEXT, labels=TEXTS, annotations=TEXTS),
        spec=spec,
    )
    jsonschema.validate(each, outside)
