"""What is said about post 003."""

from clearprop.posts.base import Text

TITLE = Text(
    "By hand against scikit-learn",
    "手写网络与 scikit-learn 对比",
)
CLAIM = Text(
    "A hand-written network 2-4-4-1 stops at a loss of about 0.45: a local optimum, the learning rate, SGD's noise.",
    "手写的 2-4-4-1 网络的损失停在约 0.45：文章归因于局部最优、学习率和 SGD 的噪声。",
)
VERDICT = Text(
    "The plateau is a bug: the sigmoid's derivative is applied to the activation instead of the pre-activation. "
    "At the end the post's gradient is perpendicular to the true one and 200 times as long. With the right "
    "derivative the loss goes on falling.",
    "平台期来自一个错误：Sigmoid 的导数用在了激活值上，而不是预激活值。训练结束时，文章的梯度与真实梯度几乎垂直，"
    "长度是它的 200 倍。改用正确的导数，损失会继续下降。",
)

FINDINGS = {
    "plateau": Text(
        "The plateau is there: loss {at_40:.4f} at epoch 40, {at_99:.4f} at 99; it rises in {rises} of the last {of} "
        "epochs.",
        "平台期确实存在：第 40 轮损失 {at_40:.4f}，第 99 轮 {at_99:.4f}；最后 {of} 轮中有 {rises} 轮上升。",
    ),
    "wrong_derivative": Text(
        "σ′ is applied to the activation a, giving σ(a)(1 - σ(a)), between 0.197 and 0.25, which never vanishes. "
        "Cosine of the post's gradient with the numeric one: {cosine_start:.3f} at the start, {cosine_end:.3f} at "
        "the end, where it is {length_end:.0f} times as long. The right formula's cosine differs from 1 by "
        "{right_start:.0e} and {right_end:.0e} (errors {error_start:.0e}, {error_end:.0e}).",
        "σ′ 被用在激活值 a 上，得到 σ(a)(1 - σ(a))，在 0.197 与 0.25 之间，永远不会消失。文章的梯度与数值梯度的余弦："
        "开始时 {cosine_start:.3f}，结束时 {cosine_end:.3f}，长度是 {length_end:.0f} 倍。正确公式的余弦与 1 相差 "
        "{right_start:.0e} 和 {right_end:.0e}（误差 {error_start:.0e}、{error_end:.0e}）。",
    ),
    "weights_run_away": Text(
        "So the hidden weights run away: max |W1| {before:.1f} → {after:.0f} (corrected: {corrected:.1f}), |Z1| up "
        "to {z1:.0f}, {saturated:.0f} % of A1 saturated; the network has {distinct} different answers for 400 points.",
        "于是隐藏层权重越走越远：max |W1| {before:.1f} → {after:.0f}（修正后 {corrected:.1f}），|Z1| 达到 {z1:.0f}，"
        "A1 有 {saturated:.0f} % 饱和；对 400 个点，网络只有 {distinct} 种不同的回答。",
    ),
    "which_half": Text(
        "Which half matters (same start, same order; loss, train / test): both wrong {both_loss:.4f}, "
        "{both_train:.4f} / {both_test:.2f}; only hidden wrong {hidden_loss:.4f}, {hidden_train:.4f} / "
        "{hidden_test:.2f}; only output wrong {output_loss:.4f}, {output_train:.4f} / {output_test:.2f}; both right "
        "{none_loss:.4f}, {none_train:.4f} / {none_test:.2f}. The plateau comes from the hidden layers; the wrong "
        "output term is only a bigger step, and an unsteady one (its loss jumps to {output_peak:.2f}).",
        "哪一半要紧（初始与顺序相同；损失，训练 / 测试）：都错 {both_loss:.4f}，{both_train:.4f} / {both_test:.2f}；"
        "只有隐藏层错 {hidden_loss:.4f}，{hidden_train:.4f} / {hidden_test:.2f}；只有输出层错 {output_loss:.4f}，"
        "{output_train:.4f} / {output_test:.2f}；都对 {none_loss:.4f}，{none_train:.4f} / {none_test:.2f}。"
        "平台期来自隐藏层；输出层的错误只是步子更大，而且不稳（损失一度跳到 {output_peak:.2f}）。",
    ),
    "not_a_local_optimum": Text(
        "It is no local optimum: at epoch 400 the wrong derivative has loss {wrong_400:.4f}, the right one "
        "{right_400:.4f}; after 500 epochs {wrong_train:.4f} / {wrong_test:.2f} against {right_train:.4f} / "
        "{right_test:.2f}.",
        "这不是局部最优：第 400 轮，错误导数的损失为 {wrong_400:.4f}，正确导数为 {right_400:.4f}；500 轮后准确率 "
        "{wrong_train:.4f} / {wrong_test:.2f} 对 {right_train:.4f} / {right_test:.2f}。",
    ),
    "other_seeds": Text(
        "Not a matter of the seed: seeds 0 to 4 end at loss {wrong_loss_low:.3f} to {wrong_loss_high:.3f} (train "
        "{wrong_train_low:.3f} to {wrong_train_high:.3f}, test {wrong_test_low:.2f} to {wrong_test_high:.2f}); "
        "corrected {right_loss_low:.3f} to {right_loss_high:.3f} ({right_train_low:.3f} to {right_train_high:.3f}, "
        "{right_test_low:.2f} to {right_test_high:.2f}).",
        "与种子无关：种子 0 到 4 的最终损失 {wrong_loss_low:.3f} 到 {wrong_loss_high:.3f}（训练 {wrong_train_low:.3f}"
        " 到 {wrong_train_high:.3f}，测试 {wrong_test_low:.2f} 到 {wrong_test_high:.2f}）；修正后 "
        "{right_loss_low:.3f} 到 {right_loss_high:.3f}（{right_train_low:.3f} 到 {right_train_high:.3f}，"
        "{right_test_low:.2f} 到 {right_test_high:.2f}）。",
    ),
    "output_explodes": Text(
        "The post's output gradient for class 0 explodes: {at_99:.2f} at probability 0.99 (true: {true}), "
        "{near_1:.0e} at 1 - 1e-12, {at_1:g} at 1, where the loss is {loss:g} too ({warning!r}). On logits all stays "
        "finite: at z = 40 loss {ours:g}, gradient {ours_dz:g}.",
        "类别 0 的输出梯度会爆炸：概率 0.99 时为 {at_99:.2f}（真值 {true}），1 - 1e-12 时 {near_1:.0e}，1 时 {at_1:g}"
        "，损失也是 {loss:g}（{warning!r}）。用 logit 计算则始终有限：z = 40 时损失 {ours:g}，梯度 {ours_dz:g}。",
    ),
    "second_listing_fails": Text(
        "The second listing, whose gradient is right, does not run: W2 has shape (4, 1): {error}. With (4, 4) it "
        "runs, and 100 full-batch steps are far too few: loss {first_loss:.4f} → {last_loss:.4f}, "
        "{train_accuracy:.4f} / {test_accuracy:.2f}.",
        "第二份代码的梯度是对的，却无法运行，因为 W2 的形状是 (4, 1)：{error}。改为 (4, 4) 后可以运行，但 100 "
        "步整批训练远远不够：损失 {first_loss:.4f} → {last_loss:.4f}，准确率 {train_accuracy:.4f} / "
        "{test_accuracy:.2f}。",
    ),
    "globals_only": Text(
        "It reads global arrays, and trains only because its update changes them in place. With the first listing's "
        "update, which makes new ones, {updates} updates give {distinct} loss.",
        "它读取全局数组，只因为更新是就地进行才会训练。若用第一份代码的更新方式（生成新数组），{updates} "
        "次更新只得到 {distinct} 个损失值。",
    ),
    "prints_in_the_loop": Text(
        "Every step prints {per_step} shapes: {lines:,} lines in all.",
        "每一步都打印 {per_step} 行形状：总共 {lines:,} 行。",
    ),
    "loss_thrown_away": Text(
        "{computed:,} single losses are computed and thrown away; `i % 100` over 100 iterations prints {printed} of "
        "the epochs' losses.",
        "计算了 {computed:,} 个单样本损失又全部丢弃；100 次迭代配 `i % 100`，各轮的损失只打印 {printed} 次。",
    ),
    "mse_unused": Text(
        "A mean square error is defined and never used; it would have been {wrong:.4f} ({right:.4f} corrected).",
        "定义了均方误差却没有使用；它的值是 {wrong:.4f}（修正后 {right:.4f}）。",
    ),
    "not_comparable": Text(
        "The comparison is uneven: scikit-learn has one hidden layer, momentum, batches of 200 and up to 1000 "
        "epochs; it stops after {one_iterations:.0f} at {one_train:.4f} / {one_test:.2f}, loss {one_loss:.4f}. The "
        "(4, 4) its comment promises stops after {two_iterations:.0f} at {two_train:.4f} / {two_test:.2f}, loss "
        "{two_loss:.4f}. Logistic regression: {line_train:.4f} / {line_test:.2f}; by hand {manual_train:.4f} / "
        "{manual_test:.2f}, corrected {right_train:.4f} / {right_test:.2f}.",
        "两者不可比：scikit-learn 用一个隐藏层、动量、每批 200 行、至多 1000 轮；它在 {one_iterations:.0f} 轮后停止，"
        "{one_train:.4f} / {one_test:.2f}，损失 {one_loss:.4f}。注释所说的 (4, 4) 在 {two_iterations:.0f} 轮后停止，"
        "{two_train:.4f} / {two_test:.2f}，损失 {two_loss:.4f}。逻辑回归 {line_train:.4f} / {line_test:.2f}；手写 "
        "{manual_train:.4f} / {manual_test:.2f}，修正后 {right_train:.4f} / {right_test:.2f}。",
    ),
    "second_listing_needs_patience": Text(
        "The second listing, its shape mended, needs 20,000 iterations: loss {last_loss:.4f}, {train_accuracy:.4f} / "
        "{test_accuracy:.2f}.",
        "第二份代码改正形状后需要 20000 次迭代：损失 {last_loss:.4f}，准确率 {train_accuracy:.4f} / "
        "{test_accuracy:.2f}。",
    ),
}
