"""The lab of launch/lab.launch.yaml, as a launch file in Python."""

from labmesh.launch.actions import LaunchDescription, mqtt_broker, node


def launch(context):
    """Return the lab's actions."""
    site = context.arg("site", default="kit", description="the lab's site")
    seed = context.arg("seed", default=0, description="seed of all simulated noise")
    rate = context.arg(
        "sim_rate",
        default=0,
        type="float",
        description="simulated seconds a wall second; 0 is wall time",
    )
    port = context.arg(
        "port", default=0, description="TCP port of the embedded MQTT broker; 0 takes a free one"
    )
    mqtt = context.arg(
        "mqtt",
        default="",
        description="mqtt://host:port of an MQTT broker that runs already, "
        "instead of the embedded one",
    )
    clock = "clock" if rate else None
    again = {"delay": 1, "max_retries": 5}
    return LaunchDescription(
        [
            mqtt_broker(url=mqtt) if mqtt else mqtt_broker(embedded=True, port=port),
            node("clock", respawn=again, param={"rate": rate}) if clock else None,
            node("broker", clock=clock, after=clock, respawn=again),
            node(
                "asab",
                ledger="broker",
                clock=clock,
                after="broker",
                respawn={"delay": 2, "max_retries": 5},
                param={"seed": seed},
            ),
        ],
        site=site,
    )
