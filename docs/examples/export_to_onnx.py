#!/usr/bin/env python3
"""A PyTorch network becomes an ONNX file that `selvedge model import` takes. Needs torch and onnx.

    python3 export_to_onnx.py colours.onnx
    selvedge model import colours.onnx --description colours.toml

What matters, for any network:
  - eval() before the export, so that dropout is off and batch normalisation is folded into the weights;
  - a batch of one and fixed sizes: an edge node looks at one frame at a time;
  - names for inputs and outputs, which the description uses;
  - one file (no external data), opset 13 to 21;
  - raw scores out of the model: the description says softmax or sigmoid, and what mean and deviation the
    training used.
"""
import sys

import torch
from torch import nn


class Colours(nn.Module):
    """Tells red, green and blue pictures of 32 x 32 apart."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classes = nn.Linear(16, 3)

    def forward(self, image):
        x = torch.relu(self.first(image))
        x = torch.relu(self.second(x))
        return self.classes(torch.flatten(self.pool(x), 1))


def main():
    model = Colours().eval()        # load your trained weights here: model.load_state_dict(torch.load(...))
    torch.onnx.export(model, torch.zeros(1, 3, 32, 32), sys.argv[1], opset_version=17, input_names=["image"],
                      output_names=["scores"], do_constant_folding=True, dynamo=False)


if __name__ == "__main__":
    main()
