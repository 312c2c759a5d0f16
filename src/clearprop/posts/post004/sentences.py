"""What is said about post 004."""

from clearprop.posts.base import Text

TITLE = Text(
    "Derivatives, a tape, Himmelblau, and a long run",
    "导数、梯度带、Himmelblau 函数与长时间训练",
)
CLAIM = Text(
    "Derivatives of activations; the chain rule on a tape; four minima of Himmelblau's function by descent; "
    "moons in 1000 epochs.",
    "激活函数的导数；用梯度带验证链式法则；用梯度下降找 Himmelblau 函数的四个极小点；用 1000 轮学习双月。",
)
VERDICT = Text(
    "Chain rule and minima are right. In the moons' run the biases never move, and the curves shown end at epoch "
    "100 of 1000: they hide the drop in which the moons are learnt.",
    "链式法则和极小点都对。双月训练中偏置从未更新，而且曲线只画到 1000 轮中的第 100 轮，恰好隐藏了真正学会的那一段。",
)

FINDINGS = {
    "frozen_biases": Text(
        "Biases are never updated (largest change {moved:g}). The end is the same, {frozen_end:.4f} and "
        "{updated_end:.4f}, but the plateau lasts longer: train MSE falls below 0.05 at epoch {frozen_05}, with "
        "biases trained at {updated_05}; below 0.03 at {frozen_03} and {updated_03}.",
        "偏置从未更新（最大变化 {moved:g}）。终点相同（{frozen_end:.4f} 和 {updated_end:.4f}），但平台期更长：训练 "
        "MSE 在第 {frozen_05} 轮降到 0.05 以下，训练偏置则在第 {updated_05} 轮；降到 0.03 以下分别在第 {frozen_03} "
        "轮和第 {updated_03} 轮。",
    ),
    "curves_end_at_100": Text(
        "The curves show `mses[:11]`, {share:.0f} % of the points: the plateau ({mse_100:.4f}, {test_100:.1f} %), "
        "where a straight line decides {straight:.2f} % of the picture as the network does and logistic regression "
        "scores {line_train:.2f} / {line_test:.2f} %. They miss the drop to {mse_1000:.4f}, {test_1000:.1f} %.",
        "曲线只画 `mses[:11]`，即 {share:.0f} % 的点：正是平台期（{mse_100:.4f}，{test_100:.1f} %），"
        "此时一条直线在图中 {straight:.2f} % 的点上与网络判断相同，逻辑回归为 {line_train:.2f} / {line_test:.2f} %。"
        "降到 {mse_1000:.4f}、{test_1000:.1f} % 的过程没有画出来。",
    ),
    "gradient": Text(
        "The gradient of the weights is right (error against the complex step {error:.1e}, at the end of the run).",
        "权重的梯度是对的（训练结束时与复数步长法相比误差 {error:.1e}）。",
    ),
    "unknown_activation": Text(
        "A misspelt activation works as the identity, with derivative r: {theirs:g} at r = {r:g}, where {true:g} is "
        "right. Here it is refused: {ours}.",
        "写错的激活函数会被当作恒等函数，而导数却返回 r：r = {r:g} 时为 {theirs:g}，正确值是 {true:g}。这里直接拒绝："
        "{ours}。",
    ),
    "relu_at_zero": Text(
        "relu′(0) is {section_1:g} in the first section and {layer:g} in `Layer`; both are allowed, one should be "
        "chosen (clearprop: {library:g}).",
        "relu′(0) 在第一节是 {section_1:g}，在 `Layer` 里是 {layer:g}；两种取法都可以，但应当统一（clearprop 取 "
        "{library:g}）。",
    ),
    "leaky_relu_of_integers": Text(
        "LeakyReLU's derivative keeps integers: for x = -1 (an integer) and p = 0.1 it is {theirs:g} instead of "
        "{ours:g}.",
        "LeakyReLU 的导数保留整数类型：x = -1（整数）、p = 0.1 时得到 {theirs:g}，应为 {ours:g}。",
    ),
    "exp_overflow": Text(
        "`exp(-x)` overflows at x = -800 ({words!r}); the value {theirs:g} is right by chance. Here the slope is "
        "{ours:g}, without a warning.",
        "x = -800 时 `exp(-x)` 溢出（{words!r}），值 {theirs:g} 只是碰巧正确。这里斜率为 {ours:g}，没有警告。",
    ),
    "pictures_broken": Text(
        "`fig.gca(projection='3d')` raises {gca} with today's matplotlib. `plt.show()` after `plt.close()` shows "
        "nothing. seaborn's `set_style` resets the font, so STKaiti has no effect (not run here: seaborn is not "
        "needed).",
        "`fig.gca(projection='3d')` 在当前的 matplotlib 上报 {gca}。`plt.close()` 之后的 `plt.show()` 什么也不显示。"
        "seaborn 的 `set_style` 会重置字体，STKaiti 因此不起作用（这里不需要 seaborn，未运行）。",
    ),
    "value_of_the_step_before": Text(
        "The f printed beside x belongs to the x before: from [4, 0], step 19 prints {printed:.4f} where f(x) is "
        "{true:.4f}.",
        "与 x 一起打印的 f 属于上一步的 x：从 [4, 0] 出发，第 19 步打印 {printed:.4f}，而此处 f(x) 是 {true:.4f}。",
    ),
    "one_epoch_more": Text(
        "`max_epochs = {asked}` runs {epochs} epochs.",
        "`max_epochs = {asked}` 实际运行 {epochs} 轮。",
    ),
    "single_precision": Text(
        "In float32 the four descents end within {gap:.0e} of float64, with f = {f32_0:.1e}, {f32_1:.1e}, {f32_2:.1e}"
        ", {f32_3:g} instead of {f64_0:.1e}, {f64_1:g}, {f64_2:.1e}, {f64_3:.1e}; f < 1e-10 comes at steps {first_0}"
        ", {first_1}, {first_2}, {first_3}. The one from [-4, 0] passes a saddle at distance {saddle:.3f}, in step "
        "{step} (counted from 0).",
        "用 float32 时，四次下降的终点与 float64 相差不到 {gap:.0e}，f 为 {f32_0:.1e}、{f32_1:.1e}、{f32_2:.1e}、"
        "{f32_3:g}，而 float64 为 {f64_0:.1e}、{f64_1:g}、{f64_2:.1e}、{f64_3:.1e}；f < 1e-10 出现在第 {first_0}、"
        "{first_1}、{first_2}、{first_3} 步。从 [-4, 0] 出发的一次在第 {step} 步（从 0 数起）以 {saddle:.3f} "
        "的距离经过一个鞍点。",
    ),
    "names_and_leftovers": Text(
        "“MES Loss” stands for MSE, the text calls the variables y, z instead of x, y; the contour and dark branches "
        "of `make_plot` are never used, and its file name is fixed, so a second call overwrites the first picture.",
        "“MES Loss”应为 MSE；正文把变量 x、y 写成 y、z；`make_plot` 的等高线与暗色分支从未用到，文件名固定，"
        "第二次调用会覆盖第一张图。",
    ),
    "as_in_post_000": Text(
        "As in post 000: fan-out start weights (train MSE falls below 0.05 at epoch {as_is}; by fan-in at {fan_in}), "
        "unshuffled (shuffled: {shuffled}), single samples, two classes written in, given weights changed in place, "
        "no seed.",
        "与 000 篇相同：按输出个数初始化（训练 MSE 在第 {as_is} 轮降到 0.05 以下；按输入个数则在第 {fan_in} 轮），"
        "不打乱（打乱：第 {shuffled} 轮），逐个样本，类别数写死，就地修改传入的权重，没有种子。",
    ),
}
