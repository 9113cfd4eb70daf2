"""The training loop, whole (section 4.3: cross entropy and Adam; ours: see `RecipeConfig`)."""

from __future__ import annotations

import json
import math
import time
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from feroi.config import NetworkConfig
from feroi.data.batches import Labelled, centre_batches
from feroi.files import name_path_in_errors, sync, write_text
from feroi.network.backbone import pretrained_weights
from feroi.network.description import BEST_WEIGHTS, describe
from feroi.network.model import Network
from feroi.network.warm_start import begin_from
from feroi.network.weights import (
    CHECKPOINT_PREFIXES,
    OPTIMIZER_PREFIX,
    UNAVERAGED_PREFIX,
    load_tensors,
    save_network,
    save_tensors,
)
from feroi.outputs import NetworkOutput
from feroi.recipe import RecipeConfig
from feroi.training.batches import Batch, training_batches
from feroi.training.callbacks import SILENT, Callbacks, Metrics
from feroi.training.need import masked, need_loss
from feroi.training.precision import Arithmetic, choose_arithmetic
from feroi.training.recorded import Recorder, Sums, can_record
from feroi.training.workers import ALONE, Workers
from feroi.vocabulary import EXPRESSIONS

LAST_WEIGHTS = "last.safetensors"
METRICS = "metrics.jsonl"
_WARM_UP = 0.3


class Diverged(RuntimeError):
    """The loss is no longer a number."""


def train(
    config: NetworkConfig,
    recipe: RecipeConfig,
    training: Labelled,
    validation: Labelled,
    run: Path,
    seed: int,
    callbacks: Callbacks = SILENT,
    start: Network | None = None,
    workers: Workers = ALONE,
) -> list[Metrics]:
    """Train a network and leave its weights and metrics in the folder `run`.

    Writes a line of metrics an epoch, `best.safetensors` (highest validation accuracy, the first
    of equals) and `last.safetensors`, a checkpoint. Called again on a folder whose run was
    killed, it goes on after the last finished epoch and ends in the weights an unbroken run
    ends in (same machine, same number of threads). Everything random in an epoch follows from
    `seed` and the number of the epoch.
    start: a network whose weights are begun with, in place of random ones (`network.begin`).
    workers: the processes that share the work, each of which calls this with the same arguments. Any number
    of them ends, but for rounding, in the same weights, and goes on with what another number has begun.

    Returns the metrics of every epoch. Raises Diverged when the loss is not finite, ValueError if
    a head without a learned map is to be guided, or as `begin_from`.
    """
    if training.truths is not None and "attention" not in config.head:
        raise ValueError(f"only attention can be guided, and the head is {config.head}")
    if recipe.need and "attention" not in config.head:
        raise ValueError(f"only attention can be taught to need what it sees, and the head is {config.head}")
    arithmetic = choose_arithmetic(recipe.precision)
    torch.manual_seed(seed)
    network = Network(config)
    if start is not None:
        begin_from(network, start)
    workers.prepare(network)
    arithmetic.place(network)
    recordable = can_record(arithmetic, recipe, training, workers)
    on_card = arithmetic.device.type == "cuda"
    # Without weight decay this is Adam, step for step.
    optimizer = torch.optim.AdamW(
        _parameter_groups(network, recipe),
        lr=torch.tensor(recipe.learning_rate, device=arithmetic.device)
        if recordable
        else recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        fused=on_card,
        capturable=recordable and on_card,
    )
    average = _average(network, recipe.averaging)
    chosen = _chosen(network, average)
    with workers.leader_first():
        history = _resume(run, network, average, optimizer)
    joined = workers.joined(network)
    recorder = Recorder(network, recipe, training, optimizer, arithmetic) if recordable else None
    steps = math.ceil(len(training.pixels) / recipe.batch_size)

    for epoch in range(len(history) + 1, recipe.epochs + 1):
        started = time.perf_counter()
        torch.manual_seed(seed + epoch)  # dropout
        rng = np.random.default_rng([seed, epoch])  # order, patches, mirror images
        network.train()
        rates = [
            learning_rate_at(recipe, (epoch - 1 + step / steps) / recipe.epochs) for step in range(steps)
        ]
        if recorder is not None:
            sums = recorder.epoch(rng, rates, partial(callbacks.on_step, epoch))
        else:
            # Summed where the network computes: asking for numbers would wait for it at every step.
            loss_sum, correct = torch.zeros(2, dtype=torch.float64, device=arithmetic.device)
            images = 0.0
            batches = training_batches(
                training.of_epoch(epoch),
                config.input_hw,
                recipe.batch_size,
                "patches" if training.cuts is not None else recipe.augmentation,
                rng,
                workers.rows,
                recipe.balance,
                arithmetic.device,
            )
            for step, batch in enumerate(batches, 1):
                callbacks.on_step(epoch, step, steps)
                for group in optimizer.param_groups:
                    group["lr"] = group["times"] * rates[step - 1]
                faces = arithmetic.send(batch.faces)
                with arithmetic.autocast():
                    if recipe.need and len(faces):
                        faces = torch.cat([faces, *masked(network, faces)])
                    look = joined(faces)
                loss = _loss(look, batch, recipe)
                optimizer.zero_grad(set_to_none=True)
                workers.weighed(loss, len(batch.labels) / batch.size).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                if average is not None:
                    average.update_parameters(network)
                loss_sum += loss.detach() * len(batch.labels)
                correct += (look.logits[: len(batch.labels)].argmax(1) == batch.labels).sum()
                images += len(batch.labels)
            sums = Sums(loss_sum.item(), correct.item(), images)
        total_loss, total_correct, images = workers.total(*sums)
        trained_s = time.perf_counter() - started
        checked = validate(chosen, validation, arithmetic, workers)
        if not math.isfinite(total_loss + checked["validation_loss"]):
            raise Diverged(
                f"the loss is not finite in epoch {epoch}; lower the learning rate "
                f"(now {recipe.learning_rate:g})"
            )
        metrics = {
            "epoch": epoch,
            "learning_rate": learning_rate_at(recipe, epoch / recipe.epochs),
            "loss": total_loss / images,
            "accuracy": total_correct / images,
            **checked,
            "images_per_s": images / trained_s,
            "seconds": time.perf_counter() - started,
        }
        history.append(metrics)
        if workers.leads:
            _record(run, history, network, average, optimizer)
        callbacks.on_epoch(metrics)
    return history


def _loss(look: NetworkOutput[Tensor], batch: Batch, recipe: RecipeConfig) -> Tensor:
    """The mean over the faces of `batch`; 0 for a share of a batch that has none."""
    if not len(batch.labels):
        return look.logits.sum()
    targets = batch.labels if batch.soft is None else batch.soft
    number = len(targets)
    loss = nn.functional.cross_entropy(look.logits[:number], targets, label_smoothing=recipe.label_smoothing)
    if batch.truths is not None:
        attention = cast(Tensor, look.attention)[:number]
        loss = loss + recipe.guidance * disagreement(attention, batch.truths)
    if recipe.need:
        shown, hidden = look.logits[number:].chunk(2)
        loss = loss + recipe.need * need_loss(shown, hidden, targets)
    return loss


def _parameter_groups(network: Network, recipe: RecipeConfig) -> list[dict[str, Any]]:
    """The weights for the optimizer, and how many times the recipe's rate they learn at."""
    if recipe.head_rate == 1:
        return [{"params": list(network.parameters()), "times": 1.0}]
    pretrained = {id(weights) for weights in pretrained_weights(network.features)}
    begun = [weights for weights in network.parameters() if id(weights) in pretrained]
    new = [weights for weights in network.parameters() if id(weights) not in pretrained]
    return [{"params": begun, "times": 1.0}, {"params": new, "times": recipe.head_rate}]


def learning_rate_at(recipe: RecipeConfig, progress: float) -> float:
    """Learning rate when the share `progress` (0..1) of the training is done.

    The one-cycle schedule (Smith and Topin 2018) climbs by a line for 30 % of the training and
    falls by half a cosine to zero.
    """
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if progress < _WARM_UP:
        return recipe.learning_rate * (0.04 + 0.96 * progress / _WARM_UP)
    return recipe.learning_rate * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP))) / 2


def disagreement(attention: Tensor, truths: Tensor) -> Tensor:
    """1 - cosine of attention (N, h, w) and truth (N, 1, H, W) on the pixels of the truth, their mean over N.

    A face whose truth is zero everywhere counts as 0: nobody knows where it should look. The map is
    enlarged as `explain.roi.project` does it.
    """
    size_hw = truths.shape[-2:]
    shown = nn.functional.interpolate(attention[:, None], size_hw, mode="bilinear", align_corners=False)
    cosine = nn.functional.cosine_similarity(shown.flatten(1), truths.flatten(1))
    has_truth = truths.flatten(1).any(1)
    return ((1 - cosine) * has_truth).mean()


@torch.inference_mode()
def validate(
    network: Network, validation: Labelled, arithmetic: Arithmetic, workers: Workers = ALONE
) -> Metrics:
    """Cross entropy and accuracy on the centre patches of `held`, each worker's on its share of them."""
    network.eval()
    rows = workers.rows(len(validation.pixels))
    depth = None if validation.depth is None else validation.depth[rows]
    logits = [torch.zeros(0, len(EXPRESSIONS))]
    for faces in centre_batches(validation.pixels[rows], network.config.input_hw, depth=depth):
        with arithmetic.autocast():
            logits.append(network(arithmetic.send(torch.from_numpy(faces))).logits.cpu())
    all_logits, labels = torch.cat(logits), torch.from_numpy(validation.labels[rows])
    loss = nn.functional.cross_entropy(all_logits, labels).item() if len(labels) else 0.0
    correct = (all_logits.argmax(1) == labels).sum().item()
    loss_sum, correct, images = workers.total(loss * len(labels), correct, len(labels))
    return {
        "validation_loss": loss_sum / images,
        "validation_accuracy": (torch.tensor(float(correct)) / images).item(),
    }


def _average(network: Network, decay: float) -> AveragedModel | None:
    """The moving average of the weights and of the statistics of batch normalisation."""
    if not decay:
        return None
    step = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=step, use_buffers=True)


def _chosen(network: Network, average: AveragedModel | None) -> Network:
    """What is validated and saved."""
    return network if average is None else cast(Network, average.module)


def _record(
    run: Path,
    history: list[Metrics],
    network: Network,
    average: AveragedModel | None,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Metrics first, the checkpoint last: whatever a kill leaves half done is done again."""
    chosen = _chosen(network, average)
    run.mkdir(parents=True, exist_ok=True)
    with name_path_in_errors(run / METRICS), (run / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(history[-1]) + "\n")
    sync(run / METRICS)  # without it a failure of power could leave the checkpoint alone
    accuracies = [metrics["validation_accuracy"] for metrics in history]
    if accuracies.index(max(accuracies)) == len(history) - 1:
        save_network(chosen, run / BEST_WEIGHTS)
    tensors = dict(chosen.state_dict()) | _optimizer_tensors(optimizer)
    if average is not None:
        tensors |= {f"{UNAVERAGED_PREFIX}{name}": value for name, value in network.state_dict().items()}
    metadata = describe(network.config) | {"epoch": str(len(history))}
    save_tensors({k: v.contiguous() for k, v in tensors.items()}, metadata, run / LAST_WEIGHTS)


def _resume(
    run: Path, network: Network, average: AveragedModel | None, optimizer: torch.optim.Optimizer
) -> list[Metrics]:
    """Load the checkpoint of `run`, if any, into network, average and optimizer; the metrics up to it."""
    if not (run / LAST_WEIGHTS).exists():
        (run / METRICS).unlink(missing_ok=True)
        return []
    tensors, metadata = load_tensors(run / LAST_WEIGHTS)
    finished = int(metadata["epoch"])
    lines = (run / METRICS).read_text(encoding="utf-8").splitlines()
    if len(lines) < finished:
        raise ValueError(
            f"{run / METRICS} has {len(lines)} lines for {finished} finished epochs; it was changed, so "
            f"the run cannot go on: choose another folder, or delete this one"
        )
    if len(lines) > finished:  # a line whose checkpoint was never written
        lines = lines[:finished]
        write_text(run / METRICS, "".join(line + "\n" for line in lines))
    chosen = {name: v for name, v in tensors.items() if not name.startswith(CHECKPOINT_PREFIXES)}
    if average is None:
        network.load_state_dict(chosen)
    else:
        average.module.load_state_dict(chosen)
        average.n_averaged.fill_(1)  # any number above 0: the average has begun
        network.load_state_dict(_below(tensors, UNAVERAGED_PREFIX))
    optimizer.load_state_dict(_optimizer_state(tensors, optimizer))
    return [json.loads(line) for line in lines]


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): v for name, v in tensors.items() if name.startswith(prefix)}


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {
        f"{OPTIMIZER_PREFIX}{parameter}.{key}": value
        for parameter, values in state.items()
        for key, value in values.items()
    }


def _optimizer_state(tensors: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(tensors, OPTIMIZER_PREFIX).items():
        parameter, key = name.split(".")
        state.setdefault(int(parameter), {})[key] = value
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
