"""What is said about post 000."""

from clearprop.posts.base import Text

TITLE = Text(
    "Two moons, learnt from single samples",
    "双月数据集：逐个样本训练",
)
CLAIM = Text(
    "A network 2-25-50-25-2 of sigmoids learns two moons in 50 epochs: 88 % of the training set, 85.67 % of the "
    "test set.",
    "2-25-50-25-2 的 Sigmoid 网络用 50 轮学会双月分类：训练准确率 88 %，测试准确率 85.67 %。",
)
VERDICT = Text(
    "The gradient of the weights is right, but the biases never move and training stops while the boundary is "
    "still a straight line: the moons are not learnt. With biases trained and 400 epochs they are.",
    "权重的梯度是对的，但偏置从未更新，而且训练停止时决策边界仍是一条直线：双月并没有学会。训练偏置并跑 400 "
    "轮就学会了。",
)

FINDINGS = {
    "unseeded": Text(
        "No seed is given, so the digits differ from run to run. Seeds 0 to 9 end at train MSE {train_mse_low:.4f} "
        "to {train_mse_high:.4f} ({train_low:.2f} to {train_high:.2f} %), test MSE {test_mse_low:.4f} to "
        "{test_mse_high:.4f} ({test_low:.2f} to {test_high:.2f} %). Seed 4 ends with the post's digits.",
        "文章没有固定随机种子，每次运行的数字都不同。种子 0 到 9 的最终结果：训练 MSE {train_mse_low:.4f} 到 "
        "{train_mse_high:.4f}（{train_low:.2f} 到 {train_high:.2f} %），测试 MSE {test_mse_low:.4f} 到 "
        "{test_mse_high:.4f}（{test_low:.2f} 到 {test_high:.2f} %）。种子 4 的最后一行与文章的数字完全相同。",
    ),
    "frozen_biases": Text(
        "Biases are never updated: after training none has moved (largest change {moved:g}). At 50 epochs this "
        "hardly shows (mean over ten seeds {frozen_train:.2f} / {frozen_test:.2f} %, with biases trained "
        "{updated_train:.2f} / {updated_test:.2f} %), later it does: train MSE of seed 0 at epochs 99, 149, 199, 399 "
        "is {frozen_99:.4f}, {frozen_149:.4f}, {frozen_199:.4f}, {frozen_399:.4f}; with biases trained "
        "{updated_99:.4f}, {updated_149:.4f}, {updated_199:.4f}, {updated_399:.4f}.",
        "偏置从未更新：训练之后没有一个偏置变化（最大变化 {moved:g}）。50 轮时几乎看不出差别（十个种子平均 "
        "{frozen_train:.2f} / {frozen_test:.2f} %，训练偏置则为 {updated_train:.2f} / {updated_test:.2f} %），"
        "之后差别很大：种子 0 在第 99、149、199、399 轮的训练 MSE 为 {frozen_99:.4f}、{frozen_149:.4f}、"
        "{frozen_199:.4f}、{frozen_399:.4f}；训练偏置则为 {updated_99:.4f}、{updated_149:.4f}、{updated_199:.4f}、"
        "{updated_399:.4f}。",
    ),
    "gradient": Text(
        "The gradient of the weights is right for sigmoid, tanh, ReLU and no activation (error against the complex "
        "step at most {error:.1e}). The bias gradient is computed too: it is the stored delta (difference {lost:g}), "
        "up to {delta:.1e} here, and is thrown away.",
        "权重的梯度对 sigmoid、tanh、ReLU 和无激活函数都是对的（与复数步长法相比误差至多 {error:.1e}）。"
        "偏置的梯度其实也算出来了，就是存下来的 delta（相差 {lost:g}），这里最大 {delta:.1e}，却被丢掉了。",
    ),
    "stops_early": Text(
        "It stops too early: at epoch 50 a straight line decides {straight:.2f} % of the picture as the network "
        "does, and plain logistic regression scores {line_train:.2f} / {line_test:.2f} % where the network has "
        "{train:.2f} / {test:.2f} %. 400 epochs reach {train_0:.1f} / {test_0:.1f} % (seed 0) and {train_1:.1f} / "
        "{test_1:.1f} % (seed 1).",
        "训练停得太早：第 50 轮时，一条直线在图中 {straight:.2f} % 的点上与网络判断相同；普通逻辑回归得到 "
        "{line_train:.2f} / {line_test:.2f} %，网络为 {train:.2f} / {test:.2f} %。400 轮可达 {train_0:.1f} / "
        "{test_0:.1f} %（种子 0）和 {train_1:.1f} / {test_1:.1f} %（种子 1）。",
    ),
    "fan_out": Text(
        "Start weights are scaled by the number of outputs, 1/√n_out. By the number of inputs (three seeds) the last "
        "epoch is better: train MSE {in_train_mse:.4f}, {in_train:.1f} / {in_test:.1f} %, against {out_train_mse:.4f}"
        ", {out_train:.1f} / {out_test:.1f} %.",
        "初始权重按输出个数缩放（1/√n_out）。改为按输入个数缩放（三个种子），最后一轮更好：训练 MSE "
        "{in_train_mse:.4f}，{in_train:.1f} / {in_test:.1f} %；原来是 {out_train_mse:.4f}，{out_train:.1f} / "
        "{out_test:.1f} %。",
    ),
    "never_shuffled": Text(
        "Samples come in the same order in every epoch. Shuffling (ten seeds) gains nothing in 50 epochs and "
        "scatters more: train MSE {shuffled_train_mse:.4f} ± {shuffled_train_mse_sd:.4f} against "
        "{in_order_train_mse:.4f} ± {in_order_train_mse_sd:.4f}; shuffled with biases trained {both_train_mse:.4f} ± "
        "{both_train_mse_sd:.4f}.",
        "每一轮的样本顺序都相同。打乱顺序（十个种子）在 50 轮内没有好处，离散反而更大：训练 MSE "
        "{shuffled_train_mse:.4f} ± {shuffled_train_mse_sd:.4f}，原来 {in_order_train_mse:.4f} ± "
        "{in_order_train_mse_sd:.4f}；打乱且训练偏置为 {both_train_mse:.4f} ± {both_train_mse_sd:.4f}。",
    ),
    "single_samples": Text(
        "Only single samples work: a batch of 4 raises {error}. Here it runs (one epoch: train MSE {mse:.4f}). The "
        "number of classes, 2, is written into `train`.",
        "只能逐个样本训练：一批 4 个样本会报错 {error}。这里可以运行（一轮后训练 MSE {mse:.4f}）。类别数 2 也写死在 "
        "`train` 里。",
    ),
    "exp_overflow": Text(
        "`exp(-r)` overflows below r = -709 ({words!r}); its value {theirs:g} is right only by chance. The stable "
        "form gives {ours:.3g} for r = -710, without a warning.",
        "r 小于 -709 时 `exp(-r)` 溢出（{words!r}），结果 {theirs:g} 只是碰巧正确。稳定的写法在 r = -710 时给出 "
        "{ours:.3g}，没有警告。",
    ),
    "unknown_activation": Text(
        "A misspelt activation returns None and fails only later ({theirs}). Here it is refused at once: {ours}.",
        "激活函数名写错时返回 None，到后面才出错（{theirs}）。这里立即拒绝：{ours}。",
    ),
    "given_arrays": Text(
        "Arrays given as `weights=` are kept, not copied, and training changes them (by {theirs:g} after one step "
        "here); clearprop copies them (change {ours:g}).",
        "作为 `weights=` 传入的数组没有复制，训练会改动调用者的数组（这里一步之后变化 {theirs:g}）；clearprop "
        "会复制（变化 {ours:g}）。",
    ),
    "validated_on_the_test_set": Text(
        "The test set serves as validation set: choosing the best epoch by it would claim {best:.2f} % instead of "
        "{last:.2f} %. Half of the evaluation is done twice: {rows} rows pass forward in each epoch, {needed} would "
        "do.",
        "测试集被当作验证集：按它挑选最好的一轮会得到 {best:.2f} %，而不是 {last:.2f} %。评估还有一半是重复的："
        "每轮前向计算 {rows} 行，{needed} 行就够了。",
    ),
    "boundary_picture": Text(
        "The boundary's picture uses three colours for two classes: levels {low:.2f} to {high:.2f} become yellow, a "
        "thin line along the boundary. Its window also cuts off {outside} of the 1000 points.",
        "边界图用三种颜色画两个类别：{low:.2f} 到 {high:.2f} 之间的等级成了黄色，沿边界出现一条细黄线。"
        "画面范围还切掉了 1000 个点中的 {outside} 个。",
    ),
    "no_seed_gives_epoch_0": Text(
        "Of {tried} NumPy seeds, {alike} start with the printed train MSE and accuracy of epoch 0, and {found} of "
        "these also end with the printed digits.",
        "在 {tried} 个 NumPy 种子中，有 {alike} 个第 0 轮的训练 MSE 和准确率与文章相同，其中 {found} "
        "个最后一行也相同。",
    ),
}
