"""Two water baths (bath.py): a launch file in Python."""

from labmesh.launch.actions import mqtt_broker, node


def launch(context):
    """Return the lab's actions."""
    baths = context.arg("baths", default=2)
    return [
        mqtt_broker(embedded=True),
        [node("bath:Bath", name=f"bath{n}") for n in range(baths)],
    ]
