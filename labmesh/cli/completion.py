"""``labmesh completion``: what a shell needs to complete our command lines."""

from __future__ import annotations

import click

from labmesh.cli._complete import VARIABLE


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    r"""Print what SHELL reads to complete verbs, options, nodes, topics, parameters ...

    \b
    bash:  labmesh completion bash > ~/.local/share/bash-completion/completions/labmesh
    zsh:   labmesh completion zsh > a file named _labmesh in a folder of $fpath
    fish:  labmesh completion fish > ~/.config/fish/completions/labmesh.fish

    Or for one shell: eval "$(labmesh completion bash)". Names come from the mesh that runs, where
    it answers within half a second.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(context.find_root().command, {}, "labmesh", VARIABLE).source())
