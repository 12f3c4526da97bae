"""Reasons for missed targets: findings of profiles and compilers' output, and attempts; written by hand."""

from __future__ import annotations

from benchmarks.verdict import Verdict

__all__ = ["REASONS", "reason"]

REASONS = {
    ("jax", "time / the fastest of stock"): (
        "`stock` pads with zeros in every column, so in the others it is the limit once more. Small dense maps (28"
        " and 14 squared) are padded by a copy there, in one gather. Tried for them: the border's outputs computed "
        "again from strips, one by one and stacked into one convolution; the smallest map with the same border; "
        "slabs added to the zero-padded convolution, which are taken for the gradient alone. Forward each is slower "
        "than the copy below the share that `ops/choice.py` has."
    ),
    ("jax", "time / the fastest of those"): (
        "Single cells of 2 to 10 ms, other ones on each run: the small dense maps of the first reason, WaveNet's "
        "gradient, where a padded copy of the one axis is as fast as slabs. Tried for the gradients, and taken: that "
        "of a kernel in strips instead of XLA's own (2 to 20 times), the border mended where it is differentiated."
    ),
    ("jax", "time / a pad and a convolution by hand"): (
        "Six of 216 cells, of 3 to 10 ms, other ones on each run (see the reason before); the geometric mean is a "
        "fifth of the time by hand."
    ),
    ("jax", "time / limit: worst"): (
        "One of 216 ratios, on a small dense map that is padded by a copy: see the first reason."
    ),
    ("jax", "times faster than the workaround"): (
        "Decided by what XLA's convolution without padding loses against the padded one; with this machine and "
        "this XLA the limit itself does not reach it. Tried, to be faster than the limit: matrix products for one "
        "axis (slower), and three ways of taking a volume plane by plane (the best is taken, over twice as fast)."
    ),
    ("jax", "correction: memory"): (
        "What the slabs give is held until it is added: little beside a large map (VGG, U-Net: a tenth at most), but"
        " of 64 filters beside an input of three channels, or with the strips of a kernel's gradient on "
        "28 squared, more than a tenth of the input. On 56 squared the row of outputs that nobody reads, which buys "
        "1.2 to 1.7 times the speed (`backends/jax/direct.py`), is cut off by a copy of the output. The gradient of "
        "`ignore` is multiplied into a copy. Tried: strips computed again (three rows where a slab has one), "
        "constants' slabs for one image and not for each (taken), without the row to spare (slower)."
    ),
    ("jax", "MobileNetV2, reflect: startup"): (
        "XLA compiles 2,100 fusions for a step of training, of zeros 1,400 and of stock's 1,300: slabs of 17 depthwise "
        "layers, each a sum of taps with gradients of its own. Tried: programs of equal layers called and not inlined "
        "(8.8 for 9.8 s of tracing and lowering, none of 57 s of compilation), and with padded copies for the gradient "
        "besides (1,600 fusions, 60 for 67 s in all)."
    ),
    ("jax", "time / the fastest of PyTorch"): (
        "Of this processor, whose vectors have 512 bits: on one with 256 the means were 1.24 and 1.28 with zeros. The "
        "gradient of a kernel takes 1.3 to 2.3 of oneDNN's time in strips, and 1.4 to 4.3 by products. Tried for it: a "
        "product for each row of taps, or for all (0.75 of that for each tap), strips of 60,000 to 2 million values. "
        "Stems of 3 channels with strides: XLA has one convolution (YNNPACK's) with a tile of 64 filters, which one "
        "thread computes, and so the gradients of their kernels. Tried for 7 x 7 with a stride of 2, times of the "
        "busiest thread: space to depth (0.65 to 0.85, for a third more work of all threads), all taps gathered and"
        " one product (2 to 5 times), batches or rows apart (0.9 to 1.1), volumes of one plane (4 times), one long "
        "row (0.9). For groups: merged in fours (twice), their kernels' gradients by products (1.7 to 2.4 times). "
        "Dilation of 6: bands save 23 of 100 products, and no time."
    ),
    ("jax", "modules, flax: time"): (
        "One gradient of a dense layer, by less than a hundredth; two copies of the host's own are 0.86 to 1.08 apart, "
        "and the geometric mean is an eighth of the host's time."
    ),
    ("jax", "modules, equinox: time"): (
        "Three dense layers of 44 rows, where two copies of the host's own are 0.87 to 1.07 apart; the geometric mean "
        "is an eighth of the host's time."
    ),
    ("torch", "time / the fastest of"): (
        "The small depthwise rows, where PyTorch's own convolution takes 50 to 120 us. With cold caches, as between "
        "the layers of a network, convpad's function takes 80 us around it and a module of `torch.nn` 30, which checks"
        " nothing and has its kernel in PyTorch's order. Tried: keys by `marshal` (it takes NumPy's integers for "
        "bytes), keys of plain tuples, all that follows from a problem said once, the way from tensors to answer "
        "prepared once (245 to 200 us), kernels laid out when a layer is built (to 170); all but the first are taken. "
        "A large kernel as Keras has it must be put in PyTorch's order (14 squared, DCGAN). Where `torch.nn` is "
        "faster on contiguous memory (ConvNeXt's 7 x 7 forward, 2.7 of 3.6 ms), an input in channels-last memory "
        "would have to be copied, for as long as that saves. Gradients of kernels of large images, which with "
        "vectors of 256 bits took 2.4 times as long as on contiguous memory (VGG), are summed over strips there. "
        "Tried: strips in channels-last memory (on one thread 145 of 364 ms; those taken, in the other order, 97 to "
        "115), the whole in the other order (179), strips of images with three channels (1.0 to 1.9 times as long), of "
        "volumes and with single taps (1.1 to 2.6 times)."
    ),
    ("torch", "time / a pad and a convolution by hand"): (
        "The geometric means are met. Above are convolutions with zeros, whose kernels come in Keras's order and are "
        "put in PyTorch's for every call (DCGAN, 14 squared, 1 x 7), the overhead of a function around 0.2 to 1 ms "
        "(MobileNetV2, EfficientNetB0; tried for it: see the first reason), and single cells of volumes and of "
        "`replicate`, where convpad calls the same pad and the same convolution, and quartiles are 0.3 to 1 apart."
    ),
    ("tensorflow", "time / a pad and a convolution by hand"): (
        "Single cells whose layer, which computes the same, takes up to a fifth less or more in the same run; other "
        "ones on each run. The geometric means are met."
    ),
    ("torch", "time / limit, "): (
        "The depthwise rows again: oneDNN is so fast there that a padded copy takes as long as half the "
        "convolution (80 of 120 us on 56 x 56 x 144). Tried: slabs (4 times slower there; they pay from 500,000 "
        "values a side on and are taken), `addcmul` for each tap of the border (3.1 against 2.0), a tap of zeros "
        "in the kernel (1.3 to 2.1). The same by hand with `F.pad` is slower in the mean: the column `framework` "
        "in the tables of all candidates."
    ),
    ("torch", "times faster than stock"): (
        "The limit itself does not reach it: Keras's copies of input and output cost less than a convolution with "
        "many filters, and its layer, as ours, takes 50 us around one with few."
    ),
    ("torch", "EfficientNetB0, reflect"): ("Depthwise layers on small maps, padded by a copy: see the reason above."),
    ("torch", "U-Net, reflect"): (
        "120 small convolutions of slabs beside the 15 large ones; a profile gives them 5 %. The zeros have become "
        "faster by a tenth since 1.00 was measured: biases are added in place. Tried: slabs from 200,000, 1 and 2 "
        "million values a side on (1.10, 1.07, 1.08), padded copies alone (1.22)."
    ),
    ("torch", "time / limit at 2048"): (
        "`ignore` with the gradient, which may not be written into. Tried: multiplied as a whole, a clone of it scaled"
        " in thin parts (the same time, and no map as large as the output). The rest: 1.04."
    ),
    ("torch", "correction: memory"): (
        "oneDNN's scratch memory for the convolution of each slab of a volume; on planes at most 0.12. The process"
        " is watched, not the allocator: PyTorch's for CPUs does not tell."
    ),
    ("torch", "modules, zeros, eager: time"): (
        "A module with torch.nn's arguments runs torch.nn's own line; two copies of torch.nn's module differ from each "
        "other by as much."
    ),
    ("torch", "modules, other paddings, eager"): (
        "The tiny row, whose calls take 20 to 35 us: 1.5 us more with reflect, 4 to 6 with circles, to see whether one "
        "pad does at this size, and which axes it joins. Beyond it all but one are within 1.06: 11 us of 0.17 ms. "
        "Tried: executors kept by shapes (12 us more), all decided when the module is made (taken)."
    ),
    ("torch", "modules, other paddings, compiled"): (
        "Single gradients whose quartiles reach from 0.6 to 1.4, and on the tiny row 4 to 7 us of what PyTorch checks "
        "before a program runs. Tried for circles: `F.pad`, which takes 1.8 times as long on a depthwise row; slices "
        "joined (taken)."
    ),
    ("tensorflow", "time / the fastest of stock"): (
        "`stock` pads with zeros in every column, so in the others it is the limit once more; the next line leaves"
        " it out."
    ),
    ("tensorflow", "time / the fastest of those"): (
        "7 x 7 with stride 2 on three channels, where a gather is slower than what Keras slices, and single cells "
        "by less than two runs differ. Tried: `tf.pad` with its mirrors (one thread), slices joined by `concat`, "
        "thin strips added in place."
    ),
    ("tensorflow", "time / limit, "): (
        "The depthwise rows, where a copy takes as long as half the convolution. Tried: `tf.pad`, `concat`, one "
        "gather (taken), strips added in place."
    ),
    ("torch", "MobileNetV2, reflect, forward"): (
        "17 depthwise layers, padded by a copy: see the reason above. Other runs gave 1.03 and 1.04."
    ),
    ("tensorflow", "MobileNetV2, reflect: startup"): (
        "A reflection is four operations a layer forward, and one in the gradient. Taken: `tf.pad`'s own gradient for "
        "small maps, where strips added in place are 20 operations for each side."
    ),
    ("tensorflow", "MobileNetV2, reflect, forward"): (
        "17 depthwise layers, padded by a copy: see the reason of time / limit."
    ),
    ("tensorflow", "EfficientNetB0, reflect"): ("16 depthwise layers, padded by a copy."),
    ("tensorflow", "ResNet50, reflect"): ("All its maps are below what slabs pay for, and padded by a copy."),
    ("tensorflow", "U-Net, reflect"): (
        "In a graph TensorFlow joins bias and ReLU to its own convolution; what slabs add stands between them. "
        "In front of bias and ReLU slabs take 1.17 to 1.24 and a padded copy 1.09 to 1.11, without them 1.02 to "
        "1.07 and 1.1 to 1.4; a convolution does not know what follows it. Tried: both."
    ),
    ("tensorflow", "time / limit at 2048"): (
        "Forward all are within 1.02. With the gradient, what it is given may not be written into: `ignore` and the "
        "slabs of constants change a copy, and single modes vary by 0.2 from run to run. Tried for `ignore`: the whole"
        " multiplied (1.25 forward), scaled in boxes of several axes (slower), in boxes of one (0.97, taken)."
    ),
    ("tensorflow", "correction: memory"): (
        "Measured without oneDNN, whose allocator does not tell; TensorFlow's own keeps what a slab once needed."
    ),
}
"""By backend and by how a target begins; the first that fits."""


def reason(verdict: Verdict) -> str:
    """Return the known reason of a missed target, or ""."""
    for (backend, start), text in REASONS.items():
        if backend == verdict.backend and verdict.target.startswith(start):
            return text
    return ""
