"""What is said about post 002."""

from clearprop.posts.base import Text

TITLE = Text(
    "A small framework of one's own",
    "自己动手写一个小框架",
)
CLAIM = Text(
    "Linear, Softmax, Tanh, CrossEntropyLoss and Net in a page each train on 100 points; more layers overfit.",
    "Linear、Softmax、Tanh、CrossEntropyLoss 和 Net 各占几行，在 100 个点上训练；层数多会过拟合。",
)
VERDICT = Text(
    "Its numbers are right: all 55 that it prints appear here to the last digit. It breaks for large logits, one "
    "curve is upside down, and its one run does not show overfitting.",
    "数字是对的：它打印的 55 个数字在这里逐位重现。但 logit 很大时会出错，有一条曲线画反了，一次运行也说明不了过拟合。",
)

FINDINGS = {
    "gradients": Text(
        "Gradients are right (error against the complex step {error:.1e}), and softmax and cross-entropy as two "
        "layers equal (p - onehot)/n to {difference:.1e}.",
        "梯度是对的（与复数步长法相比误差 {error:.1e}），Softmax 与交叉熵分成两层的结果与 (p - onehot)/n 相差至多 "
        "{difference:.1e}。",
    ),
    "large_logits": Text(
        "Large logits break it. For ±100 and a wrong class all is well (loss {loss_100:g}, gradient {dz_100}); for "
        "±700 a probability becomes 0: loss {loss_700:g}, gradient {dz_700}, {warnings_700} warnings. Softmax and "
        "loss as one give {ours_700:g} and {ours_dz_700}.",
        "logit 很大时会出错。±100 且类别判错时还正常（损失 {loss_100:g}，梯度 {dz_100}）；±700 时概率变成 0：损失 "
        "{loss_700:g}，梯度 {dz_700}，{warnings_700} 条警告。把 Softmax 与损失合并后得到 {ours_700:g} 和 "
        "{ours_dz_700}。",
    ),
    "broken_today": Text(
        "{failing} of the {tried} suspicious lines fail with the libraries installed here: {lines}.",
        "在当前安装的库上，{tried} 处可疑的代码有 {failing} 处出错：{lines}。",
    ),
    "zero_one_inverted": Text(
        "The 0-1 loss for class 1 is drawn upside down: {wrong} of {of} values are wrong. The logistic loss is drawn "
        "at p = 0 ({log0:g}, {warning!r}).",
        "类别 1 的 0-1 损失画反了：{of} 个值中 {wrong} 个错误。逻辑损失还在 p = 0 处取值（{log0:g}，{warning!r}）。",
    ),
    "hidden_state": Text(
        "`get_loss_acc` looks at a global `net`, whatever is trained: asked about one network (test loss {asked:.4f}"
        ") it answers for another ({told:.4f}). Its default loss object is shared and keeps state; clearprop's "
        "losses keep none.",
        "`get_loss_acc` 使用全局变量 `net`，与正在训练的网络无关：问的是一个网络（测试损失 {asked:.4f}），"
        "答的却是另一个（{told:.4f}）。默认的损失对象是共享的并带有状态；clearprop 的损失没有状态。",
    ),
    "unused_argument": Text(
        "`CrossEntropyLoss.backward(loss)` ignores its argument: passed the sum of 4 losses instead of the mean, its "
        "gradient should be {ratio:g} times as long and is not.",
        "`CrossEntropyLoss.backward(loss)` 忽略它的参数：传入 4 个损失之和而不是平均值时，梯度本应是 {ratio:g} 倍，"
        "实际没有变。",
    ),
    "bias_shape": Text(
        "The bias has shape {b}, its gradient {db}; only broadcasting hides it.",
        "偏置的形状是 {b}，它的梯度却是 {db}，只是靠广播掩盖了。",
    ),
    "never_shuffled": Text(
        "Batches are never shuffled; here it matters little: loss {sequential_loss:.4f} in order, {shuffled_loss:.4f}"
        " shuffled.",
        "小批量从不打乱；这里影响不大：按顺序损失 {sequential_loss:.4f}，打乱后 {shuffled_loss:.4f}。",
    ),
    "remainder": Text(
        "A smaller last batch is averaged by its own size, so its rows count more: {ratio:.1f} times in a batch of 2 "
        "instead of 4. With 80 rows and batches of 4 it does not occur. (clearprop averages the same way, as "
        "everybody does.)",
        "最后一个较小的批按自己的大小取平均，其中每行的分量更重：2 行一批是 4 行一批的 {ratio:.1f} 倍。80 行、每批 4 "
        "行时不会出现。（clearprop 与大家一样，也这样取平均。）",
    ),
    "overfitting_not_shown": Text(
        "“More layers overfit” is not shown: in its run the linear network has {linear_train_once:.3f} / "
        "{linear_test_once:.2f}, the larger one {mlp_train_once:.3f} / {mlp_test_once:.2f} (train / test). Over ten "
        "seeds {linear_train:.3f} / {linear_test:.3f} and {mlp_train:.3f} / {mlp_test:.3f}. Only after 3000 epochs "
        "(four seeds) {mlp_train_long:.3f} / {mlp_test_long:.3f}, but then the linear one too falls to "
        "{linear_train_long:.4f} / {linear_test_long:.3f}. With 20 test points one point is {step:.2f}.",
        "“层数多会过拟合”并没有被证明：文章的运行中，线性网络 {linear_train_once:.3f} / {linear_test_once:.2f}，"
        "较大的网络 {mlp_train_once:.3f} / {mlp_test_once:.2f}（训练 / 测试）。十个种子平均为 {linear_train:.3f} / "
        "{linear_test:.3f} 和 {mlp_train:.3f} / {mlp_test:.3f}。训练 3000 轮后（四个种子）才有 {mlp_train_long:.3f} "
        "/ {mlp_test_long:.3f}，但线性网络也降到 {linear_train_long:.4f} / {linear_test_long:.3f}。测试集只有 20 "
        "个点，一个点就是 {step:.2f}。",
    ),
    "colours_run_the_other_way": Text(
        "Contour and points are coloured in opposite directions: the contour shows p0, the points the class "
        "(correlation {correlation:.2f}).",
        "等高线与点的颜色方向相反：等高线显示 p0，点显示类别（相关系数 {correlation:.2f}）。",
    ),
    "prose_says_80": Text(
        "The text says “about 80 %”; the program prints {printed:.1f} %.",
        "正文说“约 80 %”，程序打印的是 {printed:.1f} %。",
    ),
}
