"""What is said about post 001."""

from clearprop.posts.base import Text

TITLE = Text(
    "Iris by random mini-batches",
    "鸢尾花：随机小批量",
)
CLAIM = Text(
    "A network 4-12-6-3 without biases learns iris from 1000 random batches of 64. No accuracy is given.",
    "没有偏置的 4-12-6-3 网络用 1000 个随机小批量（每批 64 行）学习鸢尾花。文章没有给出准确率。",
)
VERDICT = Text(
    "As published it does not learn: every run ends at one third, the share of one species. All start weights "
    "are positive, so the sigmoids start saturated. The same draws moved to [-1, 1) reach about 97 %.",
    "按文章的写法学不会：每次运行都停在三分之一，也就是只猜一个品种。初始权重全为正，Sigmoid 一开始就饱和。"
    "把同样的随机数移到 [-1, 1)，准确率约为 97 %。",
)

FINDINGS = {
    "learns_nothing": Text(
        "It does not learn: ten seeds end at {as_is_low:.1%} to {as_is_high:.1%} of the flowers. The program prints "
        "{at_0:.2f}, {at_50:.2f}, {at_100:.2f}, {at_150:.2f}, ... {at_950:.2f}: it sits at 64·2/3 = 42.67, the loss "
        "of the constant answer 1/3.",
        "学不会：十个种子的准确率为 {as_is_low:.1%} 到 {as_is_high:.1%}。程序打印 {at_0:.2f}、{at_50:.2f}、"
        "{at_100:.2f}、{at_150:.2f}、……、{at_950:.2f}：停在 64·2/3 = 42.67，也就是恒定回答 1/3 时的损失。",
    ),
    "saturated_start": Text(
        "The cause: weights from U[0, 1) are all positive, so pre-activations average {z1:.2f}, {z2:.2f}, {z3:.2f} "
        "and the sigmoids' slopes {slope1:.4f}, {slope2:.4f}, {slope3:.3f} (steepest: 0.25). clearprop warns before "
        "the first step ({warnings} warnings).",
        "原因：U[0, 1) 的权重全为正，各层预激活平均为 {z1:.2f}、{z2:.2f}、{z3:.2f}，Sigmoid 的斜率平均只有 "
        "{slope1:.4f}、{slope2:.4f}、{slope3:.3f}（最大为 0.25）。clearprop 在第一步之前就会警告（{warnings} 条）。",
    ),
    "other_starts": Text(
        "Other starts do learn (median accuracy, loss of a row, ten seeds): U[-1, 1) {centred_median:.3f}, "
        "{centred_loss:.3f}; N(0, 1/n_in) {normal_median:.3f}, {normal_loss:.3f}; standardised inputs "
        "{scaled_median:.3f}, {scaled_loss:.3f}; both {scaled_normal_median:.3f}, {scaled_normal_loss:.3f}; with a "
        "constant column too {scaled_normal_constant_median:.3f}, {scaled_normal_constant_loss:.3f}; one hidden "
        "layer {one_hidden_median:.3f}, {one_hidden_loss:.3f}; three hidden layers from U[-1, 1), which the post "
        "refuses, {three_hidden_median:.3f}, {three_hidden_loss:.3f}. A constant column alone does not help: "
        "{constant_median:.3f}, {constant_loss:.3f}.",
        "换一种初始化就能学会（十个种子的准确率中位数、每行损失）：U[-1, 1) {centred_median:.3f}、{centred_loss:.3f}"
        "；N(0, 1/n_in) {normal_median:.3f}、{normal_loss:.3f}；输入标准化 {scaled_median:.3f}、{scaled_loss:.3f}；"
        "两者都用 {scaled_normal_median:.3f}、{scaled_normal_loss:.3f}；再加常数列 "
        "{scaled_normal_constant_median:.3f}、{scaled_normal_constant_loss:.3f}；一个隐藏层 {one_hidden_median:.3f}、"
        "{one_hidden_loss:.3f}；U[-1, 1) 的三个隐藏层（文章不允许）{three_hidden_median:.3f}、{three_hidden_loss:.3f}"
        "。只加常数列没有用：{constant_median:.3f}、{constant_loss:.3f}。",
    ),
    "other_rates": Text(
        "The learning rate is not the remedy: 0.1 reaches at most {fast_high:.3f} (median {fast_median:.3f}), 0.001 "
        "gives {slow_high:.3f}, 0.01/64 (a mean over the batch) gives {mean_high:.3f}.",
        "调学习率不能解决：0.1 最高 {fast_high:.3f}（中位数 {fast_median:.3f}），0.001 为 {slow_high:.3f}，"
        "0.01/64（即对批取平均）为 {mean_high:.3f}。",
    ),
    "relu_dies": Text(
        "With `act_func='relu'` the network is dead after the first step: accuracy {lr2_median:.3f}, loss of a row "
        "{lr2_loss:.3f} (all outputs 0) at learning rate 0.01, and {lr4_loss:.3f} and {lr5_loss:.3f} at 1e-4 and "
        "1e-5. From U[-1, 1) at 1e-4 some seeds learn a part: at most {centred_high:.3f}.",
        "用 `act_func='relu'` 时，第一步之后网络就死了：学习率 0.01 时准确率 {lr2_median:.3f}，每行损失 "
        "{lr2_loss:.3f}（输出全为 0），1e-4 和 1e-5 时损失为 {lr4_loss:.3f} 和 {lr5_loss:.3f}。从 U[-1, 1) 开始、"
        "学习率 1e-4 时，个别种子能学到一部分：最高 {centred_high:.3f}。",
    ),
    "gradient": Text(
        "The gradient itself is right: error against the complex step {sigmoid:.1e} (sigmoid), {relu:.1e} (ReLU).",
        "梯度本身是对的：与复数步长法相比误差 {sigmoid:.1e}（sigmoid）、{relu:.1e}（ReLU）。",
    ),
    "relu_overwrites": Text(
        "`gra_relu` overwrites its argument: pre-activations {before} become {after}. Harmless in the post's own "
        "class, wrong for whoever reads them.",
        "`gra_relu` 会改写它的参数：预激活 {before} 变成 {after}。在文章自己的类里没有影响，别人读取时就错了。",
    ),
    "bad_activation_accepted": Text(
        "A misspelt `act_func` is accepted and fails only in the first forward pass; its derivative would be ReLU's. "
        "Here it is refused at once: {ours}.",
        "写错的 `act_func` 在构造时被接受，到第一次前向计算才报错；求导时则一律当作 ReLU。这里立即拒绝：{ours}。",
    ),
    "sum_grows_with_batch": Text(
        "The loss is a sum over the batch, so the step grows with it: 150 rows move the weights {ratio:.1f} times as "
        "far as every tenth of them.",
        "损失是整批的总和，步长随批的大小增长：150 行使权重移动的距离是其中十分之一行的 {ratio:.1f} 倍。",
    ),
    "drawn_with_replacement": Text(
        "Batches are drawn with replacement: of 64 rows, {distinct:.1f} are distinct on average.",
        "小批量是有放回抽取的：64 行中平均只有 {distinct:.1f} 行不同。",
    ),
    "random_labels": Text(
        "The commented-out example (100 random features, random labels) draws `randint(0, 9)`, so {labels} of 10 "
        "labels occur; it also sticks: batch loss {first:.0f} → {last:.0f} in 100-20-10, where the answer 0 would "
        "cost {zero:.0f}.",
        "注释掉的例子（100 个随机特征、随机标签）用 `randint(0, 9)`，10 个标签只出现 {labels} 个；它同样卡住："
        "100-20-10 网络的批损失 {first:.0f} → {last:.0f}，而全部回答 0 只有 {zero:.0f}。",
    ),
    "bad_lines_hidden": Text(
        "`except ValueError` skips damaged lines without a word, and any unknown species counts as virginica. With "
        "three lines damaged the post trains on {kept} rows, the label of one of them right only by chance; here "
        "{ours} are used, and reported: {bad}.",
        "`except ValueError` 不声不响地跳过坏行，而认不出的品种一律算作 virginica。损坏三行后，文章用 {kept} 行训练，"
        "其中一行的标签只是碰巧正确；这里用 {ours} 行，并报告：{bad}。",
    ),
    "nothing_measured": Text(
        "There is no split, no accuracy, no prediction and no picture: an accuracy would have shown {accuracy:.1f} % "
        "at once ({better:.1f} % corrected). The docstring says float32; everything is float64.",
        "没有划分数据，没有准确率，没有预测，也没有图：只要算一次准确率就会看到 {accuracy:.1f} %（修正后 {better:.1f}"
        " %）。文档字符串写的是 float32，实际全是 float64。",
    ),
    "patience": Text(
        "Only patience would help: after 5,000 iterations the median is {five_median:.3f} ({five_low:.3f} to "
        "{five_high:.3f}), after 20,000 {twenty_median:.3f} ({twenty_low:.3f} to {twenty_high:.3f}). Seeds 0 to 9 "
        "first pass 90 % at iteration {first}.",
        "只有加大迭代次数才有用：5000 次后中位数 {five_median:.3f}（{five_low:.3f} 到 {five_high:.3f}），20000 次后 "
        "{twenty_median:.3f}（{twenty_low:.3f} 到 {twenty_high:.3f}）。种子 0 到 9 首次超过 90 % 的迭代次数：{first}"
        "。",
    ),
}
